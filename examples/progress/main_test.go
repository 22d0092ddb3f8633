package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The file is compressed, and the last line of progress says 100 %.
func TestCompress(t *testing.T) {
	for _, size := range []int{0, 1, 3_000_000} {
		folder := t.TempDir()
		input, output := filepath.Join(folder, "dump"), filepath.Join(folder, "dump.zst")
		text := bytes.Repeat([]byte("cookies"), size/7+1)[:size]
		if err := os.WriteFile(input, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var screen strings.Builder
		if err := run(t.Context(), []string{input, output}, &screen); err != nil {
			t.Fatal(err)
		}
		r := stream.Reader(t.Context(), stream.Via(source.File(output, nil), codec.Unzstd(nil)))
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
			t.Errorf("the output has %d bytes, %v; want %d", len(got), err, size)
		}
		_ = r.Close()
		lines := strings.Split(screen.String(), "\n")
		last := lines[0][strings.LastIndex(lines[0], "\r")+1:]
		if want := bar(int64(size), int64(size), time.Hour)[:38]; len(lines) != 3 || !strings.HasPrefix(last, want) {
			t.Errorf("the screen has %q, want %q", screen.String(), want)
		}
		if !strings.HasPrefix(lines[1], output+": ") || !strings.Contains(lines[1], "MB; most of the time was for ") {
			t.Errorf("it says %q", lines[1])
		}
	}
}

// Progress is drawn while a run goes on.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := source.Seq(func(yield func([]byte) bool) {
			for range 3 {
				time.Sleep(time.Second)
				if !yield(make([]byte, 1_000_000)) {
					return
				}
			}
			time.Sleep(time.Second)
		})
		var read stream.Stats
		running := stream.Go(t.Context(), stream.Via(slow, stream.MonitorBytes(&read)), sink.Discard[[]byte]())
		var screen strings.Builder
		watch(&screen, running.Done(), &read, 3_000_000)
		if _, err := running.Wait(); err != nil {
			t.Error(err)
		}
		for _, want := range []string{
			"\r[                              ]   0 %  0.0 MB of 3.0 MB, 0.0 MB/s   \r",
			"\r[==========                    ]  33 %  1.0 MB of 3.0 MB, 0.8 MB/s   \r", // after 1.2 s
			"\r[====================          ]  67 %  2.0 MB of 3.0 MB, 0.9 MB/s   \r", // after 2.2 s
		} {
			if !strings.Contains(screen.String(), want) {
				t.Errorf("the screen has %q, want %q", screen.String(), want)
			}
		}
	})
}

func TestBar(t *testing.T) {
	for _, test := range []struct {
		n, size int64
		want    string
	}{
		{0, 0, "[==============================] 100 %  0.0 MB of 0.0 MB, 0.0 MB/s   "},
		{0, 1, "[                              ]   0 %  0.0 MB of 0.0 MB, 0.0 MB/s   "},
		{5e6, 1e7, "[===============               ]  50 %  5.0 MB of 10.0 MB, 2.5 MB/s   "},
		{2e7, 1e7, "[==============================] 100 %  20.0 MB of 10.0 MB, 10.0 MB/s   "}, // the file has grown
	} {
		if got := bar(test.n, test.size, 2*time.Second); got != test.want {
			t.Errorf("%d of %d: %q, want %q", test.n, test.size, got, test.want)
		}
	}
}

// A failed run says why, and leaves the older output.
func TestFailures(t *testing.T) {
	folder := t.TempDir()
	output := filepath.Join(folder, "dump.zst")
	if err := os.WriteFile(output, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{
		folder:                           "is not a file",
		filepath.Join(folder, "missing"): "no such file",
	} {
		err := run(t.Context(), []string{input, output}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", input, err, want)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(cancelled, []string{output, output}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if text, err := os.ReadFile(output); string(text) != "old" {
		t.Errorf("the output is %q, %v", text, err)
	}
}
