package servers_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/integration/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

func TestMongoKeepsWhatItAcknowledged(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *servers.Mongo{
		"SecantusDB": func(t testing.TB) *servers.Mongo { return servers.SecantusDB(t) },
		"FerretDB":   servers.FerretDB,
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t)
			addr := m.Addr()
			coll := m.Database(t).Collection("c")
			if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}}); err != nil {
				t.Fatal(err)
			}
			m.Kill(t)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 2}}); err == nil {
				t.Error("a killed server takes inserts")
			}
			m.Restart(t)
			if m.Addr() != addr {
				t.Errorf("the address changed from %s to %s", addr, m.Addr())
			}
			n, err := coll.CountDocuments(t.Context(), bson.D{})
			if err != nil || n != 1 {
				t.Errorf("%d documents after the restart, %v; want 1", n, err)
			}
		})
	}
}

func TestS3KeepsWhatItAcknowledged(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *servers.S3{
		"versitygw": servers.Versitygw,
		"MinIO":     servers.MinIO,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			addr := s.Addr()
			bucket, key, client := s.Bucket(t), "a/key", s.Client(t)
			s.Nothing(t, bucket, key)
			if _, err := client.PutObject(t.Context(),
				&s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("text")}); err != nil {
				t.Fatal(err)
			}
			up, err := client.CreateMultipartUpload(t.Context(),
				&s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			s.Kill(t)
			if _, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
				t.Error("a killed server listens")
			}
			s.Restart(t)
			if s.Addr() != addr {
				t.Errorf("the address changed from %s to %s", addr, s.Addr())
			}
			if keys := s.Keys(t, bucket); !slices.Equal(keys, []string{key}) {
				t.Errorf("keys after the restart: %q", keys)
			}
			if ids := s.Uploads(t, bucket, key); !slices.Equal(ids, []string{*up.UploadId}) {
				t.Errorf("uploads after the restart: %q", ids)
			}
			got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if b, err := io.ReadAll(got.Body); err != nil || string(b) != "text" {
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
}

func TestSharedIsOne(t *testing.T) {
	a, b := servers.Shared.FerretDB(t), servers.Shared.FerretDB(t)
	if a.Addr() != b.Addr() {
		t.Errorf("two servers: %s and %s", a.Addr(), b.Addr())
	}
	if x, y := a.Database(t).Name(), a.Database(t).Name(); x == y {
		t.Errorf("two databases have the name %s", x)
	}
}

// fake is a testing.TB that records how the test ended.
type fake struct {
	testing.TB
	skipped, failed string
}

func (f *fake) Helper() {}
func (f *fake) Skipf(format string, args ...any) {
	f.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *fake) Fatalf(format string, args ...any) {
	f.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestAbsentServer(t *testing.T) {
	tool := func() *fake {
		f := &fake{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			servers.Tool(f, "MINIO", "no-such-server")
		}()
		<-done
		return f
	}
	t.Setenv("MINIO", "")
	t.Setenv("CI", "")
	if f := tool(); f.failed != "" || !strings.Contains(f.skipped, ".ci/servers") {
		t.Errorf("on a desk: skipped %q, failed %q", f.skipped, f.failed)
	}
	t.Setenv("CI", "true")
	if f := tool(); f.skipped != "" || !strings.Contains(f.failed, ".ci/servers") {
		t.Errorf("in CI: skipped %q, failed %q", f.skipped, f.failed)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MINIO", self)
	if got := servers.Tool(t, "MINIO", "no-such-server"); got != self {
		t.Errorf("the variable says %s, got %s", self, got)
	}
}

// TestDiesWithItsParent starts a server from a second test process, kills that process and waits
// for the server to be gone.
func TestDiesWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a child of its parent's death")
	}
	if os.Getenv("MILLWEIR_TEST_PARENT") != "" {
		fmt.Printf("\nserver at %s\n", servers.Versitygw(t).Addr())
		select {} // until killed
	}
	servers.Tool(t, "VERSITYGW", "versitygw")
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiesWithItsParent$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "MILLWEIR_TEST_PARENT=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		if after, ok := strings.CutPrefix(lines.Text(), "server at "); ok {
			addr = after
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if addr == "" {
		t.Fatalf("the second process said nothing: %s", stderr.String())
	}
	for range 500 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return
		}
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the server at %s outlived its parent", addr)
}
