package s3sink

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestCRCJoin compares joined CRCs with those of the whole, for each polynomial.
func TestCRCJoin(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{1})
	data := make([]byte, 1<<16)
	_, _ = rng.Read(data)
	for _, c := range []Checksum{ChecksumCRC64NVME, ChecksumCRC32, ChecksumCRC32C} {
		a := algorithms[c]
		sum := func(p []byte) uint64 {
			h := a.new()
			h.Write(p)
			return a.crc.read(h.Sum(nil))
		}
		for _, n := range []int{0, 1, 2, 7, 8, 9, 255, 4096, 1 << 16} {
			for _, cut := range []int{0, 1, n / 3, n / 2, n - 1, n} {
				if cut < 0 || cut > n {
					continue
				}
				if got, want := a.crc.join(sum(data[:cut]), sum(data[cut:n]), int64(n-cut)),
					sum(data[:n]); got != want {
					t.Errorf("%s of %d bytes cut at %d: %016x, want %016x", a.name, n, cut, got, want)
				}
			}
		}
	}
}

// TestWithGrace: the context ends some time after its parent, and keeps the values.
func TestWithGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type name struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), name{}, "a"), time.Minute)
		defer cancel()
		longer, end := withGrace(ctx, time.Second)
		defer end()
		begin := time.Now()
		<-longer.Done()
		if d := time.Since(begin); d != time.Minute+time.Second || longer.Value(name{}) != "a" {
			t.Errorf("it ended after %v with the value %v", d, longer.Value(name{}))
		}
		again, end := withGrace(t.Context(), time.Second)
		end()
		if again.Err() == nil {
			t.Error("it goes on after its end")
		}
	})
}
