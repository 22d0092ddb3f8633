package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"os"
	"regexp"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestCutLate restores an object that is cut after most of its documents.
func TestCutLate(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	noise := rand.NewChaCha8([32]byte{})
	for range 300 {
		photo := make([]byte, 32<<10)
		_, _ = noise.Read(photo) // never fails
		if _, err := w.DB.Collection("cookies").InsertOne(t.Context(),
			bson.D{{Key: "photo", Value: photo}}); err != nil {
			t.Fatal(err)
		}
	}
	backup(t, w, "cookies", "-recipient", w.Recipient)
	before := w.Fill(t, "back", 2)
	collections := w.Collections(t)
	object := w.Get(t, key)
	w.Put(t, key, object[:len(object)-1])
	r := w.Run(t, nil, "restore", arguments(w, "-drop", "-batch", "10")...)
	exectest.OneLine(t, r, 1, "damaged or cut short", "shop.back is as it was", "dropped again")
	if !regexp.MustCompile(
		`; [1-9]\d+ documents (\(and perhaps \d+ more\) )?had been inserted into shop\.back_restore_`,
	).MatchString(r.Stderr) {
		t.Error("it does not say how many documents it had inserted")
	}
	same(t, w.Documents(t, "back"), before)
	if got := w.Collections(t); got != collections {
		t.Errorf("the collections are %s, want %s", got, collections)
	}
}

// TestStopped stops a restore in the middle of the object.
func TestStopped(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Fill(t, "cookies", 3000)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	before := w.Fill(t, "back", 2)
	collections := w.Collections(t)
	stuck, over := make(chan struct{}, 10), make(chan struct{})
	half := w.Get(t, key)
	half = half[:len(half)/2]
	proxy := w.ProxyS3(t, func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy) {
		if r.Method != http.MethodGet {
			forward.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("ETag", `"x"`)
		rw.Header().Set("Content-Length", fmt.Sprint(2*len(half)))
		_, _ = rw.Write(half)
		rw.(http.Flusher).Flush()
		stuck <- struct{}{}
		<-over
	})
	defer close(over)

	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + proxy}, "restore", arguments(w, "-drop")...)
	r := w.Wait(t, cmd, func(p *os.Process) {
		<-stuck
		_ = p.Signal(syscall.SIGTERM)
	})
	exectest.OneLine(t, r, 143, "stopped by SIGTERM", "shop.back is as it was")
	same(t, w.Documents(t, "back"), before)
	if got := w.Collections(t); got != collections {
		t.Errorf("the collections are %s, want %s", got, collections)
	}
}
