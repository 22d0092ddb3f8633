package servers

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Versitygw starts versitygw: the strictest of the S3 servers about multipart uploads and
// checksums. It drops server-side encryption and storage-class headers.
func Versitygw(t testing.TB) *S3 {
	t.Helper()
	return own(t, newVersitygw(t))
}

func newVersitygw(t testing.TB) *S3 {
	t.Helper()
	bin := Tool(t, "VERSITYGW", "versitygw")
	p, err := newProcess("versitygw")
	if err != nil {
		t.Fatal(err)
	}
	// Attributes go into a sidecar directory, because not every temporary file system has extended
	// attributes.
	data, sidecar := filepath.Join(p.dir, "data"), filepath.Join(p.dir, "sidecar")
	for _, d := range []string{data, sidecar} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.command = func(p *process) *exec.Cmd {
		cmd := exec.Command(bin, "--port", p.addr, "--access", AccessKey, "--secret", SecretKey, "--region", Region,
			"-q", "--health", "/healthy", "posix", "--sidecar", sidecar, data)
		cmd.Dir = p.dir
		return cmd
	}
	p.ready = func(ctx context.Context, p *process) error {
		return answers(ctx, "http://"+p.addr+"/healthy", http.StatusOK)
	}
	if err := p.startFree(); err != nil {
		p.close()
		t.Fatal(err)
	}
	return &S3{p}
}
