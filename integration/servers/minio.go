package servers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// KMSKey is the name of the key that MinIO encrypts with when asked for SSE-KMS.
const KMSKey = "millweir-key"

// MinIO starts MinIO with a key for server-side encryption (SSE-S3, and SSE-KMS with [KMSKey]). It
// lists pending uploads by their exact key only.
func MinIO(t testing.TB) *S3 {
	t.Helper()
	return own(t, newMinIO(t))
}

func newMinIO(t testing.TB) *S3 {
	t.Helper()
	p := minioProcess(t)
	p.ready = func(ctx context.Context, p *process) error {
		return answers(ctx, "http://"+p.addr+minioReady, http.StatusOK)
	}
	if err := p.startFree(); err != nil {
		p.close()
		t.Fatal(err)
	}
	return &S3{p}
}

// minioReady is the path that MinIO answers with 200 once it is ready. /minio/health/ready does not
// wait for the users and policies, which AssumeRole needs.
const minioReady = "/minio/health/cluster"

// minioProcess returns MinIO with more arguments. It does not run yet.
func minioProcess(t testing.TB, more ...string) *process {
	t.Helper()
	bin := Tool(t, "MINIO", "minio")
	p, err := newProcess("minio")
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	env := append(os.Environ(),
		"HOME="+p.dir,
		"MINIO_ROOT_USER="+AccessKey,
		"MINIO_ROOT_PASSWORD="+SecretKey,
		"MINIO_KMS_SECRET_KEY="+KMSKey+":"+base64.StdEncoding.EncodeToString(key),
		"MINIO_BROWSER=off",
		"MINIO_UPDATE=off",
	)
	p.command = func(p *process) *exec.Cmd {
		args := append([]string{"server", "--quiet", "--address", p.addr}, more...)
		cmd := exec.Command(bin, append(args, filepath.Join(p.dir, "data"))...)
		cmd.Env = env
		return cmd
	}
	return p
}
