package s3test_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
)

// TestInMemory: a server in memory works with a fake clock, with http and https, also if requests
// hang and connections break.
func TestInMemory(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server, client := setUp(t, &s3test.Options{InMemory: true, TLS: tls})
			o := client.Options()
			o.HTTPClient, o.RetryMaxAttempts = server.HTTPClient(), 3
			client = s3.New(o)
			server.Fault(s3test.Fault{Op: "PutObject", Before: s3test.Drop})
			server.Fault(s3test.Fault{Op: "PutObject", Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{Status: 503, Delay: time.Hour}
			}})
			begin := time.Now()
			body := strings.Repeat("text", 1<<16)
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader(body),
			})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took < time.Hour || took > time.Hour+time.Minute {
				t.Errorf("it took %v", took)
			}
			if !bytes.Equal(server.Object("b", "k").Body, []byte(body)) {
				t.Error("the object is not what was sent")
			}
		})
	}
}
