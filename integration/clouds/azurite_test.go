package clouds_test

import (
	"bytes"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The account of Azurite, and its key, which everybody knows
// (https://learn.microsoft.com/azure/storage/common/storage-use-azurite).
const (
	azuriteAccount = "devstoreaccount1"
	azuriteKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// endWithTest makes Node.js end when its standard input does, which is when this process ends.
const endWithTest = "NODE_OPTIONS=--import=data:text/javascript,process.stdin.once('end',()=>process.exit()).resume()"

// startAzurite starts Azurite on a port of its own, and returns the URL of its account. The blobs are
// in memory.
func startAzurite(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("azurite-blob")
	if err != nil {
		if os.Getenv("MILLWEIR_AZURE") == "required" {
			t.Fatal(err)
		}
		t.Skipf("%v: .ci/servers installs azurite by npm; MILLWEIR_AZURE=required makes this fail", err)
	}
	for range 3 { // another process may take the port first
		if addr := serveAzurite(t, bin); addr != "" {
			return "http://" + addr + "/" + azuriteAccount
		}
	}
	t.Fatal("azurite-blob does not start")
	return ""
}

// serveAzurite returns the address of Azurite, or "" if it ended.
func serveAzurite(t *testing.T, bin string) string {
	t.Helper()
	addr := freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "--blobHost", host, "--blobPort", port, "--inMemoryPersistence", "--skipApiVersionCheck",
		"--silent", "--disableTelemetry")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), endWithTest)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	late := time.After(2 * time.Minute)
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return addr
		}
		select {
		case <-ended:
			t.Logf("azurite-blob ended: %s", &log)
			return ""
		case <-late:
			t.Fatal("azurite-blob does not answer")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freeAddr returns an address of this machine that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newName returns a name for a container.
func newName() string { return strings.ToLower(rand.Text()) }
