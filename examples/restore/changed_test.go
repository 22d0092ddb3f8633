package main_test

import (
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestChangedByServers restores documents that the server would change. The program must reject
// them and insert nothing.
func TestChangedByServers(t *testing.T) {
	w := exectest.Start(t, "restore")
	before := w.Fill(t, "filled", 3)
	good := `{"_id":{"$numberInt":"1"},"a":"b"}` + "\n"
	for name, c := range map[string]struct {
		doc  string
		says []string
	}{
		"empty timestamp": {
			`{"_id":{"$numberInt":"2"},"t":{"$timestamp":{"t":0,"i":0}}}`,
			[]string{"document 1 ", "_id", "Timestamp(0, 0)", "restore into a server that can keep it"},
		},
		"_id not first": {`{"a":"b","_id":{"$numberInt":"2"}}`, []string{"document 1 ", "_id is not the first field"}},
		"two _ids": {
			`{"_id":{"$numberInt":"2"},"_id":{"$numberInt":"3"}}`,
			[]string{"document 1 ", "_id is not the first field"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.Put(t, key, exectest.Gzip(good+c.doc+"\n"+good))
			for _, way := range [][]string{{"-collection", "new"}, {"-collection", "filled", "-drop"}} {
				r := w.Run(t, nil, "restore", plain(way...)...)
				exectest.OneLine(t, r, 1, append(c.says, "is as it was")...)
			}
			same(t, w.Documents(t, "filled"), before)
			if got := w.Collections(t); got != "filled" {
				t.Errorf("the collections are %q", got)
			}
		})
	}
}
