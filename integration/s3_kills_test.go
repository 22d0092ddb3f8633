package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// phase is a kind of request at which the server is killed.
type phase struct {
	name string
	is   func(*http.Request) bool
	some int32 // requests of this kind in a run, at least
	run  func(t *testing.T, k *s3Kill)
}

// killParts is the number of parts of the object.
const killParts = 4

// The names of phases.
const create, complete = "create", "complete"

var phases = []phase{
	{"HEAD before an upload", request(http.MethodHead, ""), 1, uploadThroughKill},
	{create, request(http.MethodPost, "uploads"), 1, uploadThroughKill},
	{"part", request(http.MethodPut, "partNumber"), killParts, uploadThroughKill},
	{complete, request(http.MethodPost, "uploadId"), 1, uploadThroughKill},
	{"abort", request(http.MethodDelete, "uploadId"), 1, abortThroughKill},
	{"HEAD before a download", request(http.MethodHead, ""), 1, downloadThroughKill},
	{"GET", request(http.MethodGet, ""), killParts, downloadThroughKill},
}

// request returns a function that reports whether a request has the method and, unless it is "", the
// parameter.
func request(method, parameter string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && (parameter == "" || r.URL.Query().Has(parameter))
	}
}

// TestS3Kills kills an S3 server (SIGKILL) in every phase of an upload and a download: before a
// request is sent, while it is on its way, and after its reply, which is lost. The server starts
// again at once or after an outage. Every upload and download must complete with the right bytes,
// and an abort must leave nothing.
//
// Each phase has one of these moments and no outage. With MILLWEIR_LONG=1 it has all of them, and
// outages of up to a minute.
func TestS3Kills(t *testing.T) {
	eachS3Kind(t, func(t *testing.T, start func(testing.TB) *servers.S3) {
		t.Parallel()
		if !long {
			s, r := start(t), seeded(t)
			for i, p := range phases {
				killAt(t, s, p, moments[i%len(moments)], 0, r)
			}
			return
		}
		table := &killTable{cells: map[string]string{}}
		t.Cleanup(func() { table.log(t) })
		for _, at := range moments {
			for _, outage := range outages {
				t.Run(fmt.Sprintf("%s, %v away", at, outage), func(t *testing.T) {
					t.Parallel()
					s, r := start(t), seeded(t)
					for _, p := range phases {
						table.set(p, at, outage, killAt(t, s, p, at, outage, r))
					}
				})
			}
		}
	})
}

// outages are how long a killed server stays away.
var outages = []time.Duration{0, time.Second, 10 * time.Second, time.Minute}

// eachS3Kind runs f with a function that starts an S3 server, for each kind of them.
func eachS3Kind(t *testing.T, f func(t *testing.T, start func(testing.TB) *servers.S3)) {
	t.Helper()
	t.Run("versitygw", func(t *testing.T) { f(t, servers.Versitygw) })
	t.Run("MinIO", func(t *testing.T) { f(t, servers.MinIO) })
}

// killAt kills the server once in a phase. It returns ✓ if the run ended as it must, ? if it ended
// with an unknown outcome as it must, and ✗ otherwise.
func killAt(t *testing.T, s *servers.S3, p phase, at moment, outage time.Duration, r *rand.Rand) (mark string) {
	k := &s3Kill{
		phase: p, server: s, nth: 1 + r.Int32N(p.some), at: at, fraction: r.Float64(), outage: outage,
		restarted: make(chan struct{}),
	}
	ok := t.Run(fmt.Sprintf("%s %d, %s at %.2f", p.name, k.nth, at, k.fraction), func(t *testing.T) {
		k.t = t
		p.run(t, k)
	})
	switch {
	case !ok:
		return "✗"
	case k.unknown:
		return "?"
	}
	return "✓"
}

// toStore returns the bytes of the object.
func toStore() []byte { return random()[:killParts*partSize-1000] }

// cleanUp is longer than every outage.
const cleanUp = 5 * time.Minute

func uploadThroughKill(t *testing.T, k *s3Kill) {
	bucket, key, want := k.server.Bucket(t), "k", toStore()
	_, err := stream.Run(t.Context(), chunked(want, 1<<20), s3sink.Upload(k.client(), bucket, key,
		&s3sink.UploadOptions{PartSize: partSize, Parallelism: 2, IfAbsent: true, AbortTimeout: cleanUp}))
	k.wait(t)
	if errors.Is(err, s3sink.ErrOutcomeUnknown) && k.name == complete && k.at == inRequest {
		// A versitygw that is killed while it assembles the object has none, and reports success to
		// every repetition: https://github.com/versity/versitygw, CompleteMultipartUploadWithCopy.
		k.unknown = true
		if keys := k.server.Keys(t, bucket); len(keys) > 0 {
			t.Errorf("the outcome is unknown, and the bucket has %q: %v", keys, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := object(t, k.server.Client(t), bucket, key); !bytes.Equal(body, want) {
		t.Errorf("the object of %d bytes is not what was sent", len(body))
	}
	// The upload of a CreateMultipartUpload whose reply is lost has a name that the client does not
	// know. AbortPending finds it.
	left := len(k.server.Uploads(t, bucket, key))
	if left > 0 && k.name != create {
		t.Errorf("%d uploads are pending", left)
	}
	if n, err := s3sink.AbortPending(t.Context(), k.server.Client(t), bucket, key,
		&s3sink.AbortPendingOptions{OlderThan: -time.Hour}); n != left || err != nil {
		t.Errorf("AbortPending aborted %d uploads of %d, %v", n, left, err)
	}
}

// abortThroughKill uploads a stream that fails.
func abortThroughKill(t *testing.T, k *s3Kill) {
	bucket, key := k.server.Bucket(t), "k"
	failing := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if err := chunked(toStore(), 1<<20).Each(ctx, emit); err != nil {
			return err
		}
		return errTest
	})
	_, err := stream.Run(t.Context(), failing, s3sink.Upload(k.client(), bucket, key,
		&s3sink.UploadOptions{PartSize: partSize, Parallelism: 2, AbortTimeout: cleanUp}))
	k.wait(t)
	if err != errTest { //nolint:errorlint // nothing is joined: the abort succeeded
		t.Errorf("the upload ended with %v", err)
	}
	k.server.Nothing(t, bucket, key)
}

func downloadThroughKill(t *testing.T, k *s3Kill) {
	bucket, key, want := k.server.Bucket(t), "k", toStore()
	if _, err := stream.Run(t.Context(), chunked(want, 1<<20), s3sink.Upload(k.server.Client(t), bucket, key,
		&s3sink.UploadOptions{PartSize: partSize})); err != nil {
		t.Fatal(err)
	}
	got, err := download(t, k.client(), bucket, key,
		&s3source.DownloadOptions{Parallelism: 2, PartSize: partSize, Verify: s3source.VerifyRequired})
	k.wait(t)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d came, or others: %v", len(got), len(want), err)
	}
}

// killTable has the outcomes of all kills of a server.
type killTable struct {
	mu    sync.Mutex
	cells map[string]string // by phase, moment and outage
}

func cell(p phase, at moment, outage time.Duration) string { return fmt.Sprint(p.name, at, outage) }

func (k *killTable) set(p phase, at moment, outage time.Duration, mark string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cells[cell(p, at, outage)] = mark
}

// log writes the table: a line for each phase, a column for each moment, a mark for each outage.
func (k *killTable) log(t testing.TB) {
	t.Logf("| request | before it | in it | after it |")
	t.Logf("|---|---|---|---|")
	for _, p := range phases {
		line := "| " + p.name + " |"
		for _, at := range moments {
			for _, outage := range outages {
				line += " " + k.cells[cell(p, at, outage)]
			}
			line += " |"
		}
		t.Log(line)
	}
}
