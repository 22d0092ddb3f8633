package millweir_test

import (
	"errors"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// dump writes all text that v refers to, as a debugger or a package that prints values by
// reflection does.
type dump struct {
	strings.Builder
	seen map[visit]bool
}

type visit struct {
	at   uintptr
	kind reflect.Type
}

// maxVisits limits a dump, which might otherwise leave the error and visit the whole program.
const maxVisits = 200_000

func (d *dump) walk(v reflect.Value) {
	if len(d.seen) > maxVisits {
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.WriteString(v.String() + "\n")
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || d.seen[visit{v.Pointer(), v.Type()}] && v.Kind() != reflect.Slice {
			return
		}
		d.seen[visit{v.Pointer(), v.Type()}] = true
	case reflect.Interface:
		d.walk(v.Elem())
	}
	switch v.Kind() {
	case reflect.Pointer:
		d.walk(v.Elem())
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			d.walk(it.Key())
			d.walk(it.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			d.walk(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			d.Write(v.Bytes())
			d.WriteString("\n")
			return
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			d.walk(v.Index(i))
		}
	}
}

var signature = regexp.MustCompile("Signature=[0-9a-f]{8}")

// checkDumped checks all text that an error refers to.
func (c *canaries) checkDumped(t *testing.T, name string, err error) {
	t.Helper()
	d := &dump{seen: map[visit]bool{}}
	d.walk(reflect.ValueOf(err))
	c.check(t, "a dump of the error of "+name, d.String())
	if signature.MatchString(d.String()) {
		t.Errorf("a dump of the error of %s shows a signature", name)
	}
	if len(d.seen) > maxVisits {
		t.Errorf("the error of %s leads to %d values", name, len(d.seen))
	}
}

// TestCanariesInRetries checks the errors that the hooks receive.
func TestCanariesInRetries(t *testing.T) {
	for name, reply := range map[string]http.HandlerFunc{
		"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"hung up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		c := newCanaries(t, reply, inPath)
		client := s3.New(c.store.Options(), func(o *s3.Options) {
			o.RetryMaxAttempts = 2
			o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		})
		heard := 0
		hook := func(err error, _ time.Duration) {
			heard++
			c.checkFailed(t, "OnRetry, "+name, err)
			c.checkDumped(t, "OnRetry, "+name, err)
		}
		src := s3source.Download(client, "b", "k", &s3source.DownloadOptions{RetryTimeout: -1, OnRetry: hook})
		_, err := stream.Run(t.Context(), src, sink.Slice[[]byte]())
		c.checkDumped(t, "Download, "+name, err)
		_, err = stream.Run(t.Context(), source.Of([]byte("x")), s3sink.Upload(client, "b", "k",
			&s3sink.UploadOptions{
				RetryTimeout: 100 * time.Millisecond, AbortTimeout: 100 * time.Millisecond,
				OnRetry: hook,
			}))
		c.checkDumped(t, "Upload, "+name, err)
		if heard < 3 { // two retried requests and the check of the key
			t.Errorf("%s: the hooks were called %d times", name, heard)
		}
	}
}

// TestErrorsKeepTheirReply checks that errors.As still finds the SDK's error, with the parts that a
// caller may need.
func TestErrorsKeepTheirReply(t *testing.T) {
	c := newCanaries(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "the-id")
		w.WriteHeader(http.StatusForbidden)
	}, inPath)
	_, err := stream.Run(t.Context(), s3source.Download(c.store, "b", "k", nil), sink.Slice[[]byte]())
	var reply *smithyhttp.ResponseError
	if !errors.As(err, &reply) || reply.HTTPStatusCode() != http.StatusForbidden ||
		reply.HTTPResponse().Header.Get("X-Amz-Request-Id") != "the-id" {
		t.Fatalf("the error is %v", err)
	}
	request := reply.Response.Request
	if request.Method != http.MethodGet || request.URL.Host == "" || request.URL.Path != "" ||
		len(request.Header) != 0 {
		t.Errorf("what is left of the request is %+v", request)
	}
}
