package millweir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// anError is an error of a user that keeps a value.
type anError struct{ held any }

func (e anError) Error() string { return fmt.Sprint(e.held) }

// TestCanariesPrinted prints the values that hold a secret: identities, and the stages and clients
// made of them.
func TestCanariesPrinted(t *testing.T) {
	c := newCanaries(t, http.NotFound, inPath)
	for name, id := range c.identities {
		c.checkPrinted(t, name, id)
		c.checkPrinted(t, name+", a copy of what it points to", reflect.Indirect(reflect.ValueOf(id)).Interface())
		c.checkPrinted(t, "Decrypt with "+name, agecodec.Decrypt(id))
		c.checkPrinted(t, "PanicError with "+name, &stream.PanicError{Value: id})
		c.checkPrinted(t, "Envelope with "+name, stream.Envelope[age.Identity, age.Identity]{Value: id})
	}
	to := agecodec.PassphraseRecipient(passphraseCanary, nil)
	c.checkPrinted(t, "a recipient by passphrase", to)
	c.checkPrinted(t, "Encrypt", agecodec.Encrypt(to))
	c.checkPrinted(t, "Pair", agecodec.Format([]age.Recipient{to}, []age.Identity{c.identities["passphrase"]}))
	c.checkPrinted(t, "Upload", s3sink.Upload(c.store, "b", "k", nil))
	c.checkPrinted(t, "Download", s3source.Download(c.store, "b", "k", nil))
	c.checkPrinted(t, "Find", mongosource.Find(c.database.Collection("c"), bson.D{}, nil))
	c.checkPrinted(t, "Insert", mongosink.Insert(c.database.Collection("c"), nil))
}

// TestCanariesInErrors provokes errors and checks them in every printed form.
func TestCanariesInErrors(t *testing.T) {
	replies := map[string]http.HandlerFunc{
		"no access": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
		},
		"nothing there": http.NotFound,
		"hung up":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		},
		"echoed": func(w http.ResponseWriter, r *http.Request) {
			said := r.Header.Get("X-Amz-Security-Token") + " " + r.Header.Get("Authorization")
			for _, name := range []string{"X-Amz-Request-Id", "X-Amz-Id-2", "X-Amz-Bucket-Region", "Etag"} {
				w.Header().Set(name, said)
			}
			w.Header().Set("Location", "http://"+r.Header.Get("X-Amz-Security-Token")+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			_, _ = io.WriteString(w, "<Error><Code>"+said+"</Code><Message>"+said+"</Message></Error>")
		},
		"nonsense": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<")
		},
	}
	for name, reply := range replies {
		for _, token := range []string{inPath, inQuery} {
			c := newCanaries(t, reply, token)
			_, err := stream.Run(t.Context(), source.Of([]byte("x")), s3sink.Upload(c.store, "b", "k",
				&s3sink.UploadOptions{RetryTimeout: -1, AbortTimeout: 100 * time.Millisecond}))
			c.checkFailed(t, "Upload, "+name, err)
			c.checkDumped(t, "Upload, "+name, err)
			src := s3source.Download(c.store, "b", "k", &s3source.DownloadOptions{RetryTimeout: -1})
			_, err = stream.Run(t.Context(), src, sink.Slice[[]byte]())
			c.checkFailed(t, "Download, "+name, err)
			c.checkDumped(t, "Download, "+name, err)
			_, err = s3sink.AbortPending(t.Context(), c.store, "b", "k", &s3sink.AbortPendingOptions{OlderThan: 1})
			c.checkFailed(t, "AbortPending, "+name, err)
			c.checkDumped(t, "AbortPending, "+name, err)
		}
	}

	c := newCanaries(t, http.NotFound, inPath)
	_, err := stream.Run(t.Context(),
		mongosource.Find(c.database.Collection("c"), bson.D{}, nil), sink.Slice[bson.Raw]())
	c.checkFailed(t, "Find", err)
	c.checkDumped(t, "Find", err)
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Run(t.Context(), source.Of(bson.Raw(doc)), mongosink.Insert(c.database.Collection("c"), nil))
	c.checkFailed(t, "Insert", err)
	c.checkDumped(t, "Insert", err)

	for name, text := range c.malformed {
		_, err := agecodec.ParseIdentities(strings.NewReader(text))
		c.checkFailed(t, "ParseIdentities of half a "+name, err)
	}
	_, err = agecodec.ParseIdentities(bytes.NewReader(c.lockedPEM))
	c.checkFailed(t, "ParseIdentities of a locked key", err)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed := stream.Via(source.Of([]byte("x")), agecodec.Encrypt(stranger.Recipient()))
	stored, err := stream.Run(t.Context(), sealed, sink.Slice[[]byte]())
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range c.identities {
		for what, file := range map[string][][]byte{
			"another's file": stored,
			"no file":        {[]byte(passphraseCanary[:6])},
			"half a file":    {stored[0][:len(stored[0])/2]},
		} {
			opened := stream.Via(source.Slice(file), agecodec.Decrypt(id))
			_, err := stream.Run(t.Context(), opened, sink.Slice[[]byte]())
			c.checkFailed(t, fmt.Sprintf("Decrypt of %s with %s", what, name), err)
		}
		c.checkFailed(t, "a panic with "+name, panicWith(t.Context(), id))
	}
}

// checkFailed checks an error, which must not be nil, and all errors that it wraps.
func (c *canaries) checkFailed(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s did not fail", name)
		return
	}
	c.check(t, "the error of "+name, err.Error())
	for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
		c.check(t, verb+" of the error of "+name, fmt.Sprintf(verb, err))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	c.check(t, "slog of the error of "+name, log.String())
}

// panicWith returns the value of a run's panic if a stage panics with v.
func panicWith(ctx context.Context, v any) (err error) {
	defer func() {
		if e, ok := recover().(error); ok {
			err = e
		}
	}()
	src := stream.SourceFunc[int](func(context.Context, func(int) error) error { panic(v) })
	_, err = stream.Run(ctx, src, sink.Slice[int]())
	return errors.Join(err, errors.New("no panic"))
}
