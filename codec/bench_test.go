package codec_test

import (
	"bufio"
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/internal/rusage"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// versus runs ours and theirs in turn. It reports the median ratio of their CPU times as "x".
func versus(b *testing.B, size int, ours, theirs func()) {
	ours()
	theirs()
	var ratios []float64
	var spent time.Duration
	b.SetBytes(int64(size))
	for b.Loop() {
		t0 := rusage.MustCPU()
		ours()
		t1 := rusage.MustCPU()
		theirs()
		t2 := rusage.MustCPU()
		spent += t1 - t0
		ratios = append(ratios, float64(t2-t1)/float64(t1-t0))
	}
	b.ReportMetric(median(ratios), "x")
	b.ReportMetric(float64(size)*float64(len(ratios))/spent.Seconds()/1e6, "ours-MB/cpu-s")
}

func median(x []float64) float64 {
	for i := range x {
		for j := i; j > 0 && x[j] < x[j-1]; j-- {
			x[j], x[j-1] = x[j-1], x[j]
		}
	}
	return x[len(x)/2]
}

// lent is a source of data in chunks of 64 KiB, for flows that do not change them.
func lent(data []byte) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for p := data; len(p) > 0; {
			n := min(64<<10, len(p))
			if err := emit(p[:n:n]); err != nil {
				return err
			}
			p = p[n:]
		}
		return nil
	})
}

// count runs src and fails b unless it emits want elements. If want is 0, any number passes.
func count(b *testing.B, src stream.Source[[]byte], want int) {
	n := 0
	if err := src.Each(context.Background(), func([]byte) error {
		n++
		return nil
	}); err != nil || want > 0 && n != want {
		b.Fatal(n, err)
	}
}

// BenchmarkSplitLines compares with bufio.Scanner: on 64 MB in memory, and 64 times on 1 MB in the
// cache.
func BenchmarkSplitLines(b *testing.B) {
	for _, c := range []struct {
		name  string
		data  []byte
		times int
	}{
		{"mix 64x1MB", corpus.Lines(1 << 20), 64},
		{"mix 64MB", bytes.Repeat(corpus.Lines(4<<20), 16), 1},
		{"short 64x1MB", jsonText(1 << 20), 64},
	} {
		lines := bytes.Count(c.data, []byte("\n"))
		b.Run(c.name, func(b *testing.B) {
			versus(b, len(c.data)*c.times, func() {
				for range c.times {
					count(b, stream.Via(lent(c.data), codec.SplitLines(nil)), lines)
				}
			}, func() {
				for range c.times {
					s := bufio.NewScanner(bytes.NewReader(c.data))
					n := 0
					for s.Scan() {
						n++
					}
					if n != lines {
						b.Fatal(n)
					}
				}
			})
		})
	}
}

// BenchmarkSplitJSONObjects compares with a json.Decoder into a RawMessage.
func BenchmarkSplitJSONObjects(b *testing.B) {
	data := corpus.Lines(16 << 20)
	lines := bytes.Count(data, []byte("\n"))
	versus(b, len(data), func() {
		count(b, stream.Via(lent(data), codec.SplitJSONObjects(nil)), lines)
	}, func() {
		d := json.NewDecoder(bytes.NewReader(data))
		n := 0
		for {
			var v json.RawMessage
			if err := d.Decode(&v); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != lines {
			b.Fatal(n)
		}
	})
}

// BenchmarkGzip compares with compress/gzip at its default level. "size%" is how much larger our
// output is.
func BenchmarkGzip(b *testing.B) {
	data := corpus.Lines(8 << 20)
	var z bytes.Buffer
	w := stdgzip.NewWriter(&z)
	theirs := func() {
		z.Reset()
		w.Reset(&z)
		_, _ = w.Write(data)
		_ = w.Close()
	}
	for name, o := range map[string]*codec.GzipOptions{
		"default": nil, "fast": {Level: 1},
		"parallel": {Parallelism: 2},
	} {
		b.Run(name, func(b *testing.B) {
			size := 0
			versus(b, len(data), func() {
				size = 0
				_ = stream.Via(lent(data), codec.Gzip(o)).Each(context.Background(), func(p []byte) error {
					size += len(p)
					return nil
				})
			}, theirs)
			b.ReportMetric(100*float64(size-z.Len())/float64(z.Len()), "size%")
		})
	}
}

// BenchmarkGunzip compares with klauspost's reader on the same input in memory.
func BenchmarkGunzip(b *testing.B) {
	data := corpus.Lines(8 << 20)
	for name, pack := range map[string]*codec.GzipOptions{"one": nil, "members": {Parallelism: 1}} {
		z := must(b)(bytesThrough(codec.Gzip(pack), data, 0))
		r := new(gzip.Reader)
		theirs := func() {
			if err := r.Reset(bytes.NewReader(z)); err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(data)) {
				b.Fatal(n, err)
			}
		}
		for _, n := range []int{0, 2} {
			b.Run(fmt.Sprint(name, "/parallelism=", n), func(b *testing.B) {
				versus(b, len(data), func() {
					count(b, stream.Via(lent(z), codec.Gunzip(&codec.GunzipOptions{Parallelism: n})), 0)
				}, theirs)
			})
		}
	}
}

// BenchmarkParallel compares with the same flow without goroutines. "x" is the ratio of the CPU
// times, and "wall-x" the ratio of the elapsed times.
func BenchmarkParallel(b *testing.B) {
	data := corpus.Lines(16 << 20)
	gz := must(b)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), data, 0))
	zs := must(b)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), data, 0))
	sz := must(b)(bytesThrough(codec.S2(&codec.S2Options{Parallelism: 2}), data, 0))
	for _, c := range []struct {
		name string
		data []byte
		f    func(n int) flow
	}{
		{"gzip", data, func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) }},
		{"zstd", data, func(n int) flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) }},
		{"s2", data, func(n int) flow { return codec.S2(&codec.S2Options{Parallelism: n}) }},
		{"zlib", data, func(n int) flow { return codec.Zlib(&codec.DeflateOptions{Parallelism: n}) }},
		{"gunzip", gz, func(n int) flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) }},
		{"unzstd", zs, func(n int) flow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}) }},
		{"uns2", sz, func(n int) flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var one, two time.Duration
			timed := func(d *time.Duration, n int) func() {
				return func() {
					t := time.Now()
					count(b, stream.Via(lent(c.data), c.f(n)), 0)
					*d += time.Since(t)
				}
			}
			versus(b, len(c.data), timed(&two, 2), timed(&one, 0))
			b.ReportMetric(float64(one)/float64(two), "wall-x")
		})
	}
}

// BenchmarkParse runs our parsers and the parsers of the standard library that they use.
func BenchmarkParse(b *testing.B) {
	type doc struct {
		User string `json:"user"`
		Note string `json:"note"`
	}
	data := jsonText(4 << 20)
	array := []byte("[" + string(bytes.ReplaceAll(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"), []byte(","))) +
		"]")
	parse := func(data []byte, f stream.Flow[[]byte, doc]) func() {
		return func() {
			if err := stream.Via(lent(data), f).Each(context.Background(), func(doc) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
	theirs := func() {
		d := json.NewDecoder(bytes.NewReader(array))
		_, _ = d.Token()
		for d.More() {
			var v doc
			if err := d.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, f := range map[string]func(){
		"lines": parse(data, codec.ParseJSONLines[doc](nil)),
		"array": parse(array, codec.ParseJSONArray[doc](nil)),
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) { versus(b, len(data), f, theirs) })
	}
}

// BenchmarkCSV compares CSV and ParseCSV with encoding/csv.
func BenchmarkCSV(b *testing.B) {
	records := make([][]string, 50_000)
	for i := range records {
		records[i] = []string{fmt.Sprint(i), "user@example.com", "a note, with a comma", "2026-11-29T10:00:00Z", "0.40"}
	}
	var text bytes.Buffer
	if err := csv.NewWriter(&text).WriteAll(records); err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		versus(b, text.Len(), func() {
			count(b, stream.Via(source.Slice(records), codec.CSV(nil)), 0)
		}, func() {
			if err := csv.NewWriter(io.Discard).WriteAll(records); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("parse", func(b *testing.B) {
		versus(b, text.Len(), func() {
			n := 0
			err := stream.Via(lent(text.Bytes()), codec.ParseCSV(nil)).Each(context.Background(), func([]string) error {
				n++
				return nil
			})
			if err != nil || n != len(records) {
				b.Fatal(n, err)
			}
		}, func() {
			r := csv.NewReader(bytes.NewReader(text.Bytes()))
			for n := 0; ; n++ {
				if _, err := r.Read(); err == io.EOF && n == len(records) { //nolint:errorlint // csv.Reader's own end
					return
				} else if err != nil {
					b.Fatal(n, err)
				}
			}
		})
	})
}
