package agecodec_test

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/internal/rusage"
	"github.com/millweir/millweir/stream"
)

// pairs runs ours and the peer in turn, and reports the median ratio of the peer's CPU time to
// ours. Unlike elapsed time, CPU time hardly depends on the load of the machine.
func pairs(b *testing.B, ours, peer func() error) {
	b.SetBytes(benchSize)
	var ratios []float64
	var mine, theirs time.Duration
	once := func(f func() error) time.Duration {
		runtime.GC()
		t := rusage.MustCPU()
		for range 4 {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return rusage.MustCPU() - t
	}
	for b.Loop() {
		m, t := once(ours), once(peer)
		mine, theirs = mine+m, theirs+t
		ratios = append(ratios, float64(t)/float64(max(m, 1)))
	}
	slices.Sort(ratios)
	total := 4 * float64(len(ratios)) * benchSize / 1e6
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "×age")
	b.ReportMetric(total/mine.Seconds(), "MB/cpu-s")
	b.ReportMetric(total/theirs.Seconds(), "age-MB/cpu-s")
}

// BenchmarkPeers compares CPU time with filippo.io/age in two ways. The first uses its API
// directly, and discards the output or reads it into one buffer. The second is a flow that gives
// its chunks away, which is the same work as ours. Run it with -benchtime 10x or more.
func BenchmarkPeers(b *testing.B) {
	key := newKey(b)
	data := noise(benchSize)
	file := ageEncrypt(b, data, key.Recipient())
	buf := make([]byte, len(file))
	const size = 64 << 10
	encrypt := func() error {
		return stream.Via(fresh(buf, data, size), agecodec.Encrypt(key.Recipient())).Each(b.Context(), ignore)
	}
	decrypt := func() error {
		return stream.Via(fresh(buf, file, size), agecodec.Decrypt(key)).Each(b.Context(), ignore)
	}
	b.Run("encrypt", func(b *testing.B) {
		pairs(b, encrypt, func() error {
			w, err := age.Encrypt(io.Discard, key.Recipient())
			if err != nil {
				return err
			}
			err = fresh(buf, data, size).Each(b.Context(), func(p []byte) error {
				_, err := w.Write(p)
				return err
			})
			if err != nil {
				return err
			}
			return w.Close()
		})
	})
	b.Run("encrypt/as a flow", func(b *testing.B) {
		f := codec.Encoder("age", func(w io.Writer) (io.WriteCloser, error) { return age.Encrypt(w, key.Recipient()) })
		pairs(b, encrypt, func() error { return stream.Via(fresh(buf, data, size), f).Each(b.Context(), ignore) })
	})
	b.Run("decrypt", func(b *testing.B) {
		plain := make([]byte, 64<<10)
		pairs(b, decrypt, func() error {
			copy(buf, file) // fresh copies the data too
			r, err := age.Decrypt(bytes.NewReader(buf), key)
			for err == nil {
				_, err = r.Read(plain)
			}
			if err == io.EOF { //nolint:errorlint // the reader's own end
				err = nil
			}
			return err
		})
	})
	b.Run("decrypt/as a flow", func(b *testing.B) {
		f := codec.Decoder("age", func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, key) })
		pairs(b, decrypt, func() error { return stream.Via(fresh(buf, file, size), f).Each(b.Context(), ignore) })
	})
}
