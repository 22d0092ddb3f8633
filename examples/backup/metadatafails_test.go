package main_test

import (
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestMetadataFails keeps the indexes from being stored. The message says that the documents are,
// and its advice works.
func TestMetadataFails(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 5)
	byBatch := mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}}
	if _, err := w.DB.Collection("cookies").Indexes().CreateOne(t.Context(), byBatch); err != nil {
		t.Fatal(err)
	}
	const metadata = "c.jsonl.gz.age.metadata"
	w.Put(t, metadata, []byte("another's"))
	exectest.OneLine(t, w.Run(t, nil, "backup", arguments(w, "-if-absent")...), 1,
		metadata+" exists already, and was left as it is", "the documents are stored as", "delete both objects")
	if got := w.Get(t, metadata); string(got) != "another's" {
		t.Errorf("it was replaced by %d bytes", len(got))
	}

	proxy := w.ProxyS3(t, func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, metadata) {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		forward.ServeHTTP(rw, r)
	})
	env := []string{"AWS_ENDPOINT_URL_S3=" + proxy}
	exectest.OneLine(t, w.Run(t, env, "backup", arguments(w)...), 1, "the documents are stored as",
		": run this again")
	exectest.OneLine(t, w.Run(t, env, "backup", arguments(w, "-if-absent", "-key", "new/"+"c.jsonl.gz.age")...), 1,
		"the documents are stored as", "delete that object and run this again")
	exectest.OneLine(t, w.Run(t, nil, "backup", arguments(w)...), 0)
}
