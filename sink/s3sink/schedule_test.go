package s3sink

import (
	"fmt"
	"testing"
)

// TestSchedule compares the schedule with docs/s3.md: the largest part of a stream, and how much
// the parts hold.
func TestSchedule(t *testing.T) {
	const MiB, GiB, TiB = 1 << 20, 1 << 30, 1 << 40
	for name, tt := range map[string]struct {
		opts    UploadOptions
		stream  int64
		largest int64 // MiB at most
		holds   int64 // bytes at least
	}{
		"10 GiB":                {UploadOptions{}, 10 * GiB, 22, 4.5 * TiB},
		"50 GiB":                {UploadOptions{}, 50 * GiB, 55, 4.5 * TiB},
		"110 GiB":               {UploadOptions{}, 110 * GiB, 80, 4.5 * TiB},
		"1 TiB":                 {UploadOptions{}, TiB, 240, 4.5 * TiB},
		"5 MiB parts":           {UploadOptions{PartSize: 5 * MiB}, 110 * GiB, 75, 3 * TiB},
		"64 MiB parts":          {UploadOptions{PartSize: 64 * MiB}, 500 * GiB, 150, 4.5 * TiB},
		"1 TiB at most":         {UploadOptions{MaxSize: TiB}, TiB, 211, TiB},
		"5 TiB at most":         {UploadOptions{MaxSize: 5 * TiB}, 5 * TiB, 1050, 5 * TiB},
		"1 TiB expected":        {UploadOptions{ExpectedSize: TiB}, TiB, 117, 1.5 * TiB},
		"10 GiB expected":       {UploadOptions{ExpectedSize: 10 * GiB}, 10 * GiB, 8, 100 * GiB},
		"fixed":                 {UploadOptions{FixedParts: true}, 70 * GiB, 8, 78 * GiB},
		"fixed, 1 TiB expected": {UploadOptions{FixedParts: true, ExpectedSize: TiB}, TiB, 105, TiB},
		"1,000 parts":           {UploadOptions{MaxParts: 1000, ExpectedSize: 100 * GiB}, 100 * GiB, 114, 100 * GiB},
		"512 MiB of memory":     {UploadOptions{MaxMemory: 512 * MiB}, 500 * GiB, 103, 800 * GiB},
	} {
		s, err := newSettings(struct{ API }{}, "b", "k", &tt.opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		holds, largest := s.sizes.capacity(tt.stream)
		if largest > tt.largest*MiB || holds < tt.holds {
			t.Errorf("%s: the largest part has %d MiB, want %d; the parts hold %d GiB, want %d",
				name, largest/MiB, tt.largest, holds/GiB, tt.holds/GiB)
		}
		for n, last := 1, 0; n <= s.sizes.parts; n++ {
			size := s.sizes.size(n)
			if size < last || int64(size) < s.sizes.base || int64(size) > s3Limits.maxPart {
				t.Fatalf("%s: part %d has %d bytes after %d", name, n, size, last)
			}
			last = size
		}
	}
}

// TestBadSizes: settings that contradict each other are an error that says what to change.
func TestBadSizes(t *testing.T) {
	for _, opts := range []UploadOptions{
		{MaxParts: -1},
		{MaxParts: 10_001},
		{MaxSize: -1},
		{ExpectedSize: 2, MaxSize: 1},
		{MaxMemory: 8 << 20},
		{MaxMemory: 64 << 20, MaxSize: 1 << 40},
		{MaxMemory: 64 << 20, ExpectedSize: 1 << 40},
		{FixedParts: true, MaxSize: 1 << 40},
		{ExpectedSize: 1 << 60},
		{MaxSize: 1 << 60},
	} {
		if _, err := newSettings(struct{ API }{}, "b", "k", &opts); err == nil {
			t.Errorf("%s is accepted", fmt.Sprintf("%+v", opts))
		}
	}
}
