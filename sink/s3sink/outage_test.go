package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// outages are the failures that pass.
var outages = map[string]s3test.Fault{
	"500":               {Before: s3test.Fail(500, "InternalError")},
	"502":               {Before: s3test.Fail(502, "BadGateway")},
	"503":               {Before: s3test.Fail(503, "SlowDown")},
	"504":               {Before: s3test.Fail(504, "GatewayTimeout")},
	"429":               {Before: s3test.Fail(429, "Busy")},
	"reset":             {Before: s3test.Drop},
	"reply lost":        {After: s3test.Lose},
	"request timeout":   {Before: s3test.Fail(400, "RequestTimeout")},
	"another request":   {Before: s3test.Fail(409, "OperationAborted")},
	"no ETag and no id": {Before: func(*s3test.Request) *s3test.Reply { return &s3test.Reply{Body: []byte("<html>")} }},
}

// TestOutage: an outage that outlasts the client's own retries is survived by every request.
func TestOutage(t *testing.T) {
	for name, fault := range outages {
		for op, size := range map[string]int{
			"PutObject": 50, "CreateMultipartUpload": 250, "UploadPart": 250, "CompleteMultipartUpload": 250,
		} {
			t.Run(name+" of "+op, func(t *testing.T) {
				t.Parallel()
				server, client := newServer(t, anyParts)
				fault := fault
				fault.Op, fault.Times = op, 4
				if name == "no ETag and no id" {
					fault.Times = 1 // such a reply does not show an outage
				}
				server.Fault(fault)
				data := random(size)
				obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
					small(s3sink.UploadOptions{RetryTimeout: time.Minute})))
				if err != nil {
					t.Fatal(err)
				}
				if o := server.Object(bucket, key); o == nil || obj.Size != int64(size) ||
					string(o.Body) != string(data) {
					t.Errorf("the object is not what was sent: %+v", obj)
				}
			})
		}
	}
}

// TestLossyNetwork: many requests fail, and the client's retry tokens are used up.
func TestLossyNetwork(t *testing.T) {
	for _, share := range []float64{0.2, 0.4} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			server, _ := newServer(t, anyParts)
			client := newClient(server.URL, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
			server.Fault(s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
				switch {
				case rand.Float64() >= share:
					return nil
				case rand.N(2) == 0:
					return s3test.Drop(r)
				}
				return s3test.Fail(500, "InternalError")(r)
			}})
			data := random(10_000)
			obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{Parallelism: 20, RetryTimeout: 10 * time.Minute})))
			if err != nil {
				t.Fatal(err)
			}
			expectStored(t, server, data, obj)
		})
	}
}

// TestCredentialsOutage: a provider that fails after it has worked is waited for. One that never
// worked is a wrong setting.
func TestCredentialsOutage(t *testing.T) {
	errProvider := errors.New("the metadata service is not reachable")
	for _, works := range []int64{0, 3} {
		server, _ := newServer(t, anyParts)
		var asked atomic.Int64
		client := newClient(server.URL, func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				if n := asked.Add(1); n > works && n < works+4 {
					return aws.Credentials{}, errProvider
				}
				return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "canary-secret"}, nil
			})
		})
		data := random(550)
		obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{Parallelism: 1, RetryTimeout: time.Minute})))
		if works == 0 {
			if !errors.Is(err, errProvider) {
				t.Errorf("a provider that never worked: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		expectStored(t, server, data, obj)
	}
}

// TestExpiredAtHead: credentials that expire before the HEAD that settles a lost reply are renewed,
// although the reply to a HEAD has no error code.
func TestExpiredAtHead(t *testing.T) {
	server, _ := newServer(t, anyParts)
	var asked atomic.Int64
	provider := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: fmt.Sprint("AKIATEST", asked.Add(1)), SecretAccessKey: "canary-secret"}, nil
	}))
	client := newClient(server.URL, func(o *s3.Options) { o.Credentials = provider })
	server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: s3test.Lose})
	server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: func(r *s3test.Request) *s3test.Reply {
		if strings.Contains(r.Header.Get("Authorization"), "AKIATEST1/") {
			return s3test.Fail(400, "ExpiredToken")(r)
		}
		return nil
	}})
	data := random(250)
	obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{RetryTimeout: time.Minute})))
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, data, obj)
}
