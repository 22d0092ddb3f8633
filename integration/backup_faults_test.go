package integration_test

import (
	"net/http"
	"regexp"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/integration/servers"
)

// middle starts a backup and returns in the middle of it: a few parts are stored, and the proxy
// holds back the remaining documents until it is released.
func middle(t *testing.T, j *job, m *servers.Mongo, more ...string) (*child, *servers.Proxy) {
	t.Helper()
	p := servers.NewProxy(t, m.Addr())
	reached := p.HoldDown(half)
	c := start(t, "millweir", j.with("MONGODB_URI="+directURI(p)), j.backup(more...)...)
	select {
	case <-reached:
	case <-c.done:
		t.Fatalf("it has ended before the middle: %s", c.text())
	}
	client := j.s.Client(t)
	until(t, "a part is stored", func() bool {
		all, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &j.bucket})
		if err != nil || len(all.Uploads) != 1 {
			return false
		}
		parts, err := client.ListParts(t.Context(), &s3.ListPartsInput{
			Bucket: &j.bucket, Key: all.Uploads[0].Key, UploadId: all.Uploads[0].UploadId,
		})
		return err == nil && len(parts.Parts) >= 1
	})
	return c, p
}

// resumed runs the backup that a program began to its end, and restores it.
func (j *job) resumed(t *testing.T, c *child) {
	t.Helper()
	run1 := regexp.MustCompile(`began the backup (\S+):`).FindStringSubmatch(c.stderr.String())
	if run1 == nil {
		t.Fatalf("it does not name the backup: %s", c.text())
	}
	args := []string{"backup", j.repo, "--signing-key", j.keys.sign, "--resume", run1[1]}
	run(t, "millweir", j.env, args...).succeeded(t)
	j.restored(t)
}

// restored restores the large collection, and counts its documents.
func (j *job) restored(t *testing.T) {
	t.Helper()
	run(t, "millweir", j.env, j.restore("again")...).succeeded(t)
	again := j.coll.Database().Collection("again")
	n, err := again.EstimatedDocumentCount(t.Context())
	if err != nil || n != 32_000 {
		t.Errorf("%d documents are restored, %v", n, err)
	}
	if err := again.Drop(t.Context()); err != nil {
		t.Error(err)
	}
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
				c, _ := middle(t, j, m)
				c.signal(t, sig.signal)
				c.wait(t)
				c.refused(t, sig.code, sig.word, "no backup was made")
				j.nothing(t)
				j.resumed(t, c)
			})
		}
		t.Run("SIGKILL", func(t *testing.T) {
			j := newJob(t, m, s, coll)
			c, _ := middle(t, j, m)
			c.signal(t, syscall.SIGKILL)
			c.wait(t)
			if n := j.backups(t); n > 0 {
				t.Errorf("the repository has %d backups", n)
			}
			j.resumed(t, c)
		})
		t.Run("released", func(t *testing.T) {
			j := newJob(t, m, s, coll)
			c, p := middle(t, j, m)
			p.Release()
			c.wait(t)
			c.succeeded(t)
		})
	})
}

// A backup goes on if its source is killed and comes back. What was stored of a run whose source stays
// away is used when it is resumed.
func TestBackupSourceKilled(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Client(t).Database("db").Collection("c")
	fillLarge(t, coll)
	eachS3(t, func(t *testing.T, s *servers.S3) {
		j := newJob(t, m, s, coll)
		c, p := middle(t, j, m)
		m.Kill(t)
		p.Release()
		p.Reset()
		m.Restart(t)
		c.wait(t)
		c.succeeded(t)
		j.restored(t)

		c, p = middle(t, j, m, "--no-reuse")
		m.Kill(t)
		p.Release()
		c.signal(t, syscall.SIGTERM) // while the server is away
		c.wait(t)
		c.refused(t, 143, "no backup was made")
		m.Restart(t)
		j.resumed(t, c)
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
			c, p := middle(t, j, m)
			s.Kill(t)
			away := servers.NewStandIn(t, s.Addr())
			p.Release()
			away.Await(t, "a request after the SDK's retries", retriedBySink())
			away.Close()
			s.Restart(t)
			c.wait(t)
			c.succeeded(t)
			j.restored(t)
		})
		t.Run(name+", away for longer", func(t *testing.T) {
			s := start(t)
			j := newJob(t, m, s, coll)
			c, p := middle(t, j, m, "--retry", "1s")
			s.Kill(t)
			away := servers.NewStandIn(t, s.Addr())
			p.Release()
			away.Await(t, "the abort", isAbort)
			away.Close()
			s.Restart(t)
			c.wait(t)
			c.refused(t, 1, "S3", "no backup was made")
			j.nothing(t)
			j.resumed(t, c)
		})
	}
	t.Run("for good", func(t *testing.T) {
		s := servers.Versitygw(t)
		j := newJob(t, m, s, coll)
		c, p := middle(t, j, m, "--retry", "2s")
		s.Kill(t)
		p.Release()
		c.wait(t)
		c.refused(t, 1, "S3", "refused", "no backup was made")
	})
}
