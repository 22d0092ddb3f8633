package codec_test

import (
	"bytes"
	"hash/adler32"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/codec"
)

// maxBitLog returns the largest k such that some streams have lengths that match a flip of bit k of
// a length field.
func maxBitLog() int {
	if long {
		return 15
	}
	return 9
}

// TestEverySingleFlip flips each bit of many small streams, by our encoders and by others. Their
// lengths are chosen so that a changed length field leads exactly to the end of a member, frame or
// stream. A decoder must refuse the stream or return the right bytes. In streams of more than
// 10,000 bytes it flips all bits of the fields, and a sample of the others. Without MILLWEIR_LONG
// it samples all streams in this way, and flips only every fourth bit of fields without special
// interest.
func TestEverySingleFlip(t *testing.T) {
	streams := flipStreams(t)
	if len(streams) < 70 {
		t.Fatalf("%d streams, want at least 70", len(streams))
	}
	var total, refused, unseen atomic.Int64
	t.Run("streams", func(t *testing.T) {
		for _, s := range streams {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				for by, unpack := range s.readers() {
					if got, err := bytesThrough(unpack, s.packed, 0); err != nil || !bytes.Equal(got, s.plain) {
						t.Fatalf("%s: unchanged: %d bytes of %d, %v", by, len(got), len(s.plain), err)
					}
					flips, bad, blind := s.flip(t, by, unpack)
					total.Add(int64(flips))
					refused.Add(int64(bad))
					unseen.Add(int64(blind))
					if blind > 2+flips/1000 {
						t.Errorf("%s: the checksum did not see %d of %d flips", by, blind, flips)
					}
				}
			})
		}
	})
	t.Logf("%d streams, %d flips: %d refused, %d unseen by Adler-32, the others without a meaning",
		len(streams), total.Load(), refused.Load(), unseen.Load())
}

// flip flips bits of s. It returns how many bits it flipped, how many flips unpack refused, and how
// many a weak checksum missed.
func (s flipStream) flip(t *testing.T, by string, unpack flow) (flips, refused, blind int) {
	rnd := rand.New(rand.NewPCG(uint64(len(s.packed)), 1))
	all, sample, step := false, 16, 4
	if long {
		all, sample, step = len(s.packed) <= 10_000, 1000, 1
	}
	for i := range s.packed {
		for bit := range 8 {
			switch {
			case all, s.isLength(i), s.isField(i) && rnd.IntN(step) == 0:
			case rnd.IntN(8*len(s.packed)) > sample:
				continue
			}
			flips++
			bad := bytes.Clone(s.packed)
			bad[i] ^= 1 << bit
			got, err := bytesThrough(unpack, bad, 0)
			switch {
			case err != nil:
				refused++
			case bytes.Equal(got, s.plain):
			case s.weak && adler32.Checksum(got) == adler32.Checksum(s.plain):
				blind++
			default:
				t.Errorf("%s: byte %d, bit %d of %d bytes: %d bytes of %d without an error", by, i, bit, len(bad),
					len(got), len(s.plain))
			}
		}
	}
	return flips, refused, blind
}

// isLength reports whether offset n is inside the length field of special interest.
func (s flipStream) isLength(n int) bool { return n-s.field >= 0 && n-s.field < 4 }

// isField reports whether a field of a stream, member, frame or chunk may be at the offset n.
func (s flipStream) isField(n int) bool {
	return n < 24 || s.isLength(n) || edge(s.packed, n) || edge(s.packed, max(n-7, 0))
}

// flipStream is a stream whose bits the test flips.
type flipStream struct {
	name   string
	format string // gzip, zlib, zstd or s2
	packed []byte
	plain  []byte
	field  int  // offset of a length field of special interest; 0 for none
	weak   bool // the format's checksum misses some changes
}

// readers returns ways to decode the stream, in order and in parallel.
func (s flipStream) readers() map[string]flow {
	r := map[string]flow{"detect by 3": codec.Detect(&codec.DetectOptions{RequireChecksums: true, Parallelism: 3})}
	if long {
		r["detect"] = codec.Detect(&codec.DetectOptions{RequireChecksums: true})
	}
	switch s.format {
	case "gzip":
		r["gunzip"] = codec.Gunzip(nil)
		if long {
			r["gunzip by 2"] = codec.Gunzip(&codec.GunzipOptions{Parallelism: 2})
			r["gunzip with padding"] = codec.Gunzip(&codec.GunzipOptions{AllowPadding: true})
		}
	case "zlib":
		return map[string]flow{"unzlib": codec.Unzlib(nil)}
	case "zstd":
		r["unzstd"] = codec.Unzstd(nil)
		if long {
			r["unzstd by 2"] = codec.Unzstd(&codec.UnzstdOptions{Parallelism: 2})
		}
	case "s2":
		r["uns2"] = codec.UnS2(nil)
	}
	return r
}
