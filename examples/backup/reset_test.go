package main_test

import (
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
	"github.com/millweir/millweir/s3test"
)

// A small backup with -if-absent is one request. TestReset breaks its connection before and after
// the server has stored the object. Both times the backup is stored once, and is not mistaken for
// an object that existed before.
func TestReset(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 3)
	for name, fault := range map[string]s3test.Fault{
		"before": {Op: "PutObject", Before: s3test.Drop},
		"after":  {Op: "PutObject", After: s3test.Lose},
	} {
		t.Run(name, func(t *testing.T) {
			server := s3test.New(&s3test.Options{Versioned: true})
			defer server.Close()
			server.CreateBucket(exectest.Bucket)
			server.Fault(fault)
			env := []string{"AWS_ENDPOINT_URL_S3=" + server.URL}
			exectest.OneLine(t, w.Run(t, env, "backup", arguments(w, "-if-absent")...), 0, "stored 3 documents")
			if got := len(server.Versions(exectest.Bucket, "c.jsonl.gz.age")); got != 1 {
				t.Errorf("%d objects are stored", got)
			}
			exectest.OneLine(t, w.Run(t, env, "backup", arguments(w, "-if-absent")...), 1, "has an object already")
		})
	}
}
