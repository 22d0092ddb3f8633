package main_test

import (
	"net/http"
	"net/http/httputil"
	"sync"
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// storage returns the URL of a proxy in front of the S3 server. The proxy calls get before the nth
// request to read the object, and head with the headers of each reply.
func storage(t *testing.T, w *exectest.World, get func(n int), head func(http.Header)) string {
	t.Helper()
	var mu sync.Mutex
	n := 0
	return w.ProxyS3(t, func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			n++
			get(n)
		}
		forward.ModifyResponse = func(r *http.Response) error {
			head(r.Header)
			return nil
		}
		forward.ServeHTTP(rw, r)
	})
}

// TestETag replaces the object after the program has requested its metadata, and between two
// passes. It also uses a server that sends no ETag: then a restore in one pass works, and one in
// two passes does not.
func TestETag(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Fill(t, "other", 7)
	backup(t, w, "other", "-recipient", w.Recipient)
	other := w.Get(t, key)
	docs := w.Fill(t, "cookies", 200)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	first := w.Get(t, key)
	before := w.Fill(t, "filled", 3)
	if err := w.DB.CreateCollection(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	collections := w.Collections(t)
	for _, c := range []struct {
		name string
		at   int // the pass before which the object is replaced
		args []string
		says string
	}{
		{"missing", 1, nil, "shop.back is as it was"},
		{"drop", 1, []string{"-collection", "filled", "-drop"}, "shop.filled is as it was"},
		{"empty, checked", 1, []string{"-collection", "empty"}, "nothing was inserted into shop.empty"},
		{"empty, inserted", 2, []string{"-collection", "empty"}, "nothing was inserted into shop.empty"},
		{"merge, checked", 1, []string{"-collection", "filled", "-merge"}, "nothing was inserted into shop.filled"},
		{"merge, inserted", 2, []string{"-collection", "filled", "-merge"}, "nothing was inserted into shop.filled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Put(t, key, first)
			proxy := storage(t, w, func(n int) {
				if n == c.at {
					w.Put(t, key, other)
				}
			}, func(http.Header) {})
			r := w.Run(t, []string{"AWS_ENDPOINT_URL_S3=" + proxy}, "restore", arguments(w, c.args...)...)
			exectest.OneLine(t, r, 1, "the object was replaced", "restore again", c.says)
			same(t, w.Documents(t, "filled"), before)
			same(t, w.Documents(t, "empty"), nil)
			if got := w.Collections(t); got != collections {
				t.Errorf("the collections are %s, want %s", got, collections)
			}
		})
	}

	w.Put(t, key, first)
	proxy := storage(t, w, func(int) {}, func(h http.Header) { h.Del("ETag") })
	env := []string{"AWS_ENDPOINT_URL_S3=" + proxy}
	exectest.OneLine(t, w.Run(t, env, "restore", arguments(w, "-collection", "empty")...), 1, "no ETag",
		"nothing was inserted into shop.empty")
	same(t, w.Documents(t, "empty"), nil)
	exectest.OneLine(t, w.Run(t, env, "restore", arguments(w)...), 0, "restored ")
	same(t, w.Documents(t, "back"), docs)
}
