package main_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"os/exec"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
)

const password = "canary-pa55word"

// arguments returns a valid command line, followed by more, which may override its flags.
func arguments(w *exectest.World, more ...string) []string {
	return append([]string{
		"-db", "shop", "-collection", "cookies", "-bucket", exectest.Bucket, "-key", "c.jsonl.gz.age", "-recipient",
		w.Recipient,
	}, more...)
}

// incompressible fills the collection with 12 MiB, which are more than two parts of an object.
func incompressible(t *testing.T, w *exectest.World) {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{})
	for range 12 {
		photo := make([]byte, 1<<20)
		_, _ = noise.Read(photo) // never fails
		if _, err := w.DB.Collection("cookies").InsertOne(t.Context(),
			bson.D{{Key: "photo", Value: photo}}); err != nil {
			t.Fatal(err)
		}
	}
}

func isPart(r *http.Request) bool { return r.URL.Query().Has("partNumber") }

func isAbort(r *http.Request) bool { return r.Method == http.MethodDelete }

// stalling returns a backup through a proxy in front of the S3 server, and a channel. The
// proxy does not reply to the requests that match, and sends them to the channel.
func stalling(t *testing.T, w *exectest.World, match func(*http.Request) bool) (*exec.Cmd, <-chan *http.Request) {
	t.Helper()
	stuck, over := make(chan *http.Request, 100), make(chan struct{})
	proxy := w.ProxyS3(t, func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy) {
		if !match(r) {
			forward.ServeHTTP(rw, r)
			return
		}
		stuck <- r
		<-over
	})
	t.Cleanup(func() { close(over) })
	return w.Command([]string{"AWS_ENDPOINT_URL_S3=" + proxy}, "backup", arguments(w, "-part-size", "5MiB")...), stuck
}
