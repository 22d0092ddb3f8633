package main_test

import (
	"net/http"
	"net/http/httputil"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// On a terminal the program shows one live line, which the outcome replaces.
func TestTerminal(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	slow := w.ProxyS3(t, func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy) {
		if isPart(r) {
			time.Sleep(time.Second) // the program draws the live line several times
		}
		forward.ServeHTTP(rw, r)
	})
	terminal, written := exectest.Terminal(t)
	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + slow}, "backup",
		arguments(w, "-part-size", "5MiB", "-parallelism", "1")...)
	cmd.Stderr = terminal
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	_ = terminal.Close()
	got := written()
	progress := regexp.MustCompile(`\[[=>-]+\] +\d+ %, \d+ documents, \d+/s, [\d.]+ MiB read, ` +
		`[\d.]+ M?i?B of [\d.]+ MiB stored, \d parts?, \ds`)
	if n := len(progress.FindAllString(got, -1)); n < 3 {
		t.Errorf("the live line was drawn %d times, want at least 3", n)
	}
	outcome := regexp.MustCompile(`backup: stored 12 documents \(12 MiB of BSON\) of shop\.cookies ` +
		`as s3://backups/c\.jsonl\.gz\.age: 1[26] MiB in [34] parts, ETag "[^"]+", in `)
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if last := lines[len(lines)-1]; !outcome.MatchString(last) {
		t.Errorf("the last line is %q", last)
	}
	if strings.Contains(got, "under way") {
		t.Error("progress was logged although there is a live line")
	}
	if t.Failed() {
		t.Logf("%q", got)
	}
}
