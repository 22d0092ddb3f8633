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
				if got, want := a.crc.join(sum(data[:cut]), sum(data[cut:n]), int64(n-cut)), sum(data[:n]); got != want {
					t.Errorf("%s of %d bytes cut at %d: %016x, want %016x", a.name, n, cut, got, want)
				}
			}
		}
	}
}

// TestPartSizes compares the schedule with the documentation of Upload.
func TestPartSizes(t *testing.T) {
	for _, tt := range []struct {
		base    int64
		atLeast int64 // bytes in 10,000 parts
	}{
		{5 << 20, 4 << 40},
		{8 << 20, 6 << 40},
		{64 << 20, 13 << 40},
		{5 << 30, 48 << 40},
	} {
		s, err := newSettings(struct{ API }{}, "b", "k", &UploadOptions{PartSize: tt.base})
		if err != nil {
			t.Fatal(err)
		}
		var total, last int64
		for n := 1; n <= 10_000; n++ {
			size := int64(s.partSize(n))
			if size < last || size > 5<<30 || n <= 5000 && size != tt.base {
				t.Fatalf("part %d of base %d has %d bytes after %d", n, tt.base, size, last)
			}
			last = size
			total += size
		}
		if total < tt.atLeast {
			t.Errorf("parts of %d bytes hold %d, want %d", tt.base, total, tt.atLeast)
		}
		s.opts.FixedParts = true
		if got := s.partSize(10_000); int64(got) != tt.base {
			t.Errorf("a fixed part has %d bytes, want %d", got, tt.base)
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
