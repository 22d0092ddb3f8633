package integration_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
)

func optionsOf(uri string) *options.ClientOptions { return options.Client().ApplyURI(uri) }

// half is the offset at which a proxy holds a backup of the large collection: after a few parts and
// before the end.
const half = 20 << 20

// fillLarge loads a collection of 33 MB, which a backup stores in five parts.
func fillLarge(t testing.TB, coll *mongo.Collection) {
	t.Helper()
	load(t, coll, plain(t, 32_000, 1000))
}

// middle starts a backup and returns in the middle of it: a few parts are stored, and the proxy
// holds back the remaining documents until it is released.
func middle(t *testing.T, j *job, m *servers.Mongo, s *servers.S3, more ...string) (*child, *servers.Proxy) {
	t.Helper()
	p := servers.NewProxy(t, m.Addr())
	reached := p.HoldDown(half)
	c := start(t, "backup", j.with("MONGODB_URI="+directURI(p)), j.store(more...)...)
	select {
	case <-reached:
	case <-c.done:
		t.Fatalf("it has ended before the middle: %s", c.text())
	}
	client := s.Client(t)
	until(t, "a part is stored", func() bool {
		ids := s.Uploads(t, j.bucket, key)
		if len(ids) != 1 {
			return false
		}
		parts, err := client.ListParts(t.Context(),
			&s3.ListPartsInput{Bucket: &j.bucket, Key: aws.String(key), UploadId: &ids[0]})
		return err == nil && len(parts.Parts) >= 1
	})
	return c, p
}

func TestBackupStopped(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	fillLarge(t, coll)
	eachS3(t, func(t *testing.T, s *servers.S3) {
		for _, sig := range []struct {
			signal syscall.Signal
			code   int
			word   string
		}{{syscall.SIGTERM, 143, "SIGTERM"}, {syscall.SIGINT, 130, "SIGINT"}} {
			t.Run(sig.word, func(t *testing.T) {
				j := newJob(t, m, s, coll)
				c, _ := middle(t, j, m, s)
				c.signal(t, sig.signal)
				c.wait(t)
				c.refused(t, sig.code, sig.word)
				s.Nothing(t, j.bucket, key)
			})
		}
		t.Run("SIGKILL", func(t *testing.T) {
			j := newJob(t, m, s, coll)
			c, _ := middle(t, j, m, s)
			c.signal(t, syscall.SIGKILL)
			c.wait(t)
			if keys := s.Keys(t, j.bucket); len(keys) > 0 {
				t.Errorf("the bucket has objects: %q", keys)
			}
			if n, err := s3sink.AbortPending(t.Context(), s.Client(t), j.bucket, key,
				&s3sink.AbortPendingOptions{OlderThan: -time.Minute}); n != 1 ||
				err != nil {
				t.Errorf("AbortPending aborted %d uploads, %v", n, err)
			}
			s.Nothing(t, j.bucket, key)
		})
		t.Run("released", func(t *testing.T) {
			j := newJob(t, m, s, coll)
			c, p := middle(t, j, m, s)
			p.Release()
			c.wait(t)
			c.succeeded(t)
		})
	})
}

func TestBackupSourceKilled(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Client(t).Database("db").Collection("c")
	fillLarge(t, coll)
	eachS3(t, func(t *testing.T, s *servers.S3) {
		j := newJob(t, m, s, coll)
		c, p := middle(t, j, m, s, "-mongo-retry", "1s")
		m.Kill(t)
		p.Release()
		c.wait(t)
		c.refused(t, 1, "nothing was stored")
		if line := c.last(); !strings.Contains(line, "EOF") && !strings.Contains(line, "connection") &&
			!strings.Contains(line, "closed") {
			t.Errorf("the cause is not told: %s", line)
		}
		s.Nothing(t, j.bucket, key)

		// The server restarts with all of its data, and the next backup succeeds.
		m.Restart(t)
		c = run(t, "backup", j.env, j.store()...)
		c.succeeded(t)
		if !strings.Contains(c.text(), "32,000 documents") {
			t.Errorf("the backup after the restart: %s", c.text())
		}
	})
}

// retriedBySink returns a function that reports whether a request has come more often than the SDK
// sends it by itself.
func retriedBySink() func(*http.Request) bool {
	attempts := map[string]int{}
	return func(r *http.Request) bool {
		request := r.Method + " " + r.URL.String()
		attempts[request]++
		return attempts[request] > retry.DefaultMaxAttempts
	}
}

func isAbort(r *http.Request) bool {
	return r.Method == http.MethodDelete && r.URL.Query().Has("uploadId")
}

func TestBackupStorageKilled(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	fillLarge(t, coll)
	for name, start := range map[string]func(testing.TB) *servers.S3{
		"versitygw": servers.Versitygw,
		"MinIO":     servers.MinIO,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			j := newJob(t, m, s, coll)
			c, p := middle(t, j, m, s)
			s.Kill(t)
			away := servers.NewStandIn(t, s.Addr())
			p.Release()
			away.Await(t, "a request after the SDK's retries", retriedBySink())
			away.Close()
			s.Restart(t)
			c.wait(t)
			c.succeeded(t)
			run(t, "restore", j.env, j.restore("again")...).succeeded(t)
			n, err := coll.Database().Collection("again").EstimatedDocumentCount(t.Context())
			if err != nil || n != 32_000 {
				t.Errorf("%d documents are restored, %v", n, err)
			}
			if err := coll.Database().Collection("again").Drop(t.Context()); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+", away for longer", func(t *testing.T) {
			s := start(t)
			j := newJob(t, m, s, coll)
			c, p := middle(t, j, m, s, "-retry", "1s")
			s.Kill(t)
			away := servers.NewStandIn(t, s.Addr())
			p.Release()
			away.Await(t, "the abort", isAbort)
			away.Close()
			s.Restart(t)
			c.wait(t)
			c.refused(t, 1, "S3", "nothing was stored")
			s.Nothing(t, j.bucket, key)
		})
	}
	t.Run("for good", func(t *testing.T) {
		s := servers.Versitygw(t)
		j := newJob(t, m, s, coll)
		c, p := middle(t, j, m, s, "-retry", "2s")
		ids := s.Uploads(t, j.bucket, key)
		s.Kill(t)
		p.Release()
		c.wait(t)
		c.refused(t, 1, "S3", "refused", ids[0]) // the error names the unfinished upload
	})
}
