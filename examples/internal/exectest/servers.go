package exectest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// servers holds the addresses of a MongoDB server and an S3 server in another process. Their
// packages belong to another module, so that this module, from which users install programs, does
// not require them.
type servers struct {
	MongoURI, S3Endpoint string
	AccessKey, Secret    string // the only credentials that the S3 server accepts
}

// startServers starts both. They end with the test or with its process.
func startServers(t *testing.T) (s servers) {
	t.Helper()
	cmd := exec.Command("go", "run", "github.com/millweir/millweir/examples/cookies/internal/servers", t.TempDir(),
		Bucket)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stop.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the servers: %v\n%s", err, stderr.String())
		}
	})
	if err := json.NewDecoder(stdout).Decode(&s); err != nil {
		_ = stop.Close()
		t.Fatalf("the servers did not start: %v, %v\n%s", err, cmd.Wait(), stderr.String())
	}
	return s
}
