package agecodec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// TestTruncated cuts files at every byte of the header, around every chunk edge, and at other
// offsets.
func TestTruncated(t *testing.T) {
	key := newKey(t)
	for _, size := range []int{0, 2, chunk - 1, chunk, chunk + 1, 2 * chunk, 2*chunk + 1} {
		file := ageEncrypt(t, noise(size), key.Recipient())
		head := len(file) - size - 16*max(1, (size+chunk-1)/chunk)
		var cuts []int
		if size == 2 {
			for n := range len(file) {
				cuts = append(cuts, n)
			}
		}
		for edge := head; edge < len(file); edge += chunk + 16 {
			for _, d := range []int{-17, -16, -15, -1, 0, 1, 15, 16, 17} {
				cuts = append(cuts, edge+d)
			}
		}
		for d := range 18 {
			cuts = append(cuts, len(file)-1-d)
		}
		for _, n := range cuts {
			if n < 0 || n >= len(file) {
				continue
			}
			got, err := through(agecodec.Decrypt(key), file[:n], 0)
			certain := n <= head || (n-head)%(chunk+16) == 0
			switch {
			case err == nil:
				t.Errorf("%d bytes, cut at %d of %d: no error", size, n, len(file))
			case certain && !(errors.Is(err, agecodec.ErrTruncated) && errors.Is(err, io.ErrUnexpectedEOF)):
				t.Errorf("%d bytes, cut at %d of %d: %v, want ErrTruncated", size, n, len(file), err)
			case !certain && !errors.Is(err, agecodec.ErrDamaged):
				t.Errorf("%d bytes, cut at %d of %d: %v, want ErrDamaged", size, n, len(file), err)
			}
			if !bytes.HasPrefix(noise(size), got) {
				t.Errorf("%d bytes, cut at %d of %d: wrong plaintext", size, n, len(file))
			}
		}
	}
}

func TestDamaged(t *testing.T) {
	key := newKey(t)
	data := noise(2*chunk + 100)
	file := ageEncrypt(t, data, key.Recipient())
	head := len(file) - len(data) - 3*16
	check := func(what string, file []byte, verified int) {
		t.Helper()
		got, err := through(agecodec.Decrypt(key), file, 0)
		if err == nil {
			t.Errorf("%s: no error", what)
		}
		if len(got) > verified || !bytes.HasPrefix(data, got) {
			t.Errorf("%s: %d bytes came out, at most %d are verified", what, len(got), verified)
		}
	}
	for i := range file {
		if i > head+20 && i < len(file)-20 && i%1009 != 0 {
			continue
		}
		bad := bytes.Clone(file)
		bad[i] ^= 0x10
		check(fmt.Sprintf("byte %d", i), bad, max(0, (i-head)/(chunk+16)*chunk))
	}
	sealed := chunk + 16
	first, second := file[head:head+sealed], file[head+sealed:head+2*sealed]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	check("chunks swapped", join(file[:head], second, first, file[head+2*sealed:]), 0)
	check("chunk repeated", join(file[:head], first, first, file[head+sealed:]), chunk)
	check("chunk missing", join(file[:head], second, file[head+2*sealed:]), 0)
	check("trailing byte", join(file, []byte{0}), 2*chunk)
	check("two files", join(file, file), 2*chunk)
	whole := ageEncrypt(t, data[:chunk], key.Recipient())
	check("a byte behind a full last chunk", join(whole, []byte{0}), 0)
	check("empty last chunk", emptyLast(t, key), chunk)

	for name, text := range map[string]string{
		"other text": "not an age file\n", "old version": "age-encryption.org/v2\n",
		"armored": "-----BEGIN AGE ENCRYPTED FILE-----\nYWJj\n-----END AGE ENCRYPTED FILE-----\n",
		"CRLF":    "age-encryption.org/v1\r\n",
	} {
		for _, cut := range []int{0, 1} {
			if _, err := through(agecodec.Decrypt(key), []byte(text), cut); !errors.Is(err, agecodec.ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	long := append([]byte("age-encryption.org/v1\n-> X25519 "), bytes.Repeat([]byte("a"), 3<<20)...)
	if _, err := through(agecodec.Decrypt(key), long, 1000); !errors.Is(err, agecodec.ErrDamaged) {
		t.Errorf("endless header: %v", err)
	}
}

// emptyLast returns a file of exactly one chunk, followed by an empty last chunk, which the format
// forbids.
func emptyLast(t *testing.T, key *age.X25519Identity) []byte {
	return agecodec.SealForTest(t, key.Recipient(), noise(chunk), nil)
}

// TestDamageBelowADecompressor flips a bit near the end of the file. The decompressor has all its
// data before that, but the run must still fail.
func TestDamageBelowADecompressor(t *testing.T) {
	key := newKey(t)
	for name, pair := range map[string]codec.Format[[]byte]{
		"gzip":      codec.GzipFormat(nil, nil),
		"gzip by 2": codec.GzipFormat(&codec.GzipOptions{Parallelism: 2}, &codec.GunzipOptions{Parallelism: 2}),
		"zlib":      codec.ZlibFormat(nil, nil),
		"deflate":   codec.FormatOf(codec.Deflate(nil), codec.Inflate(nil), ".deflate"),
		"zstd":      codec.ZstdFormat(nil, nil),
		"zstd by 2": codec.ZstdFormat(&codec.ZstdOptions{Parallelism: 2}, &codec.UnzstdOptions{Parallelism: 2}),
		"s2":        codec.S2Format(nil, nil),
		"s2 by 2":   codec.S2Format(&codec.S2Options{Parallelism: 2}, &codec.UnS2Options{Parallelism: 2}),
		"detected":  codec.FormatOf(codec.Gzip(nil), codec.Detect(nil), ".gz"),
	} {
		for _, size := range []int{100, 3 * chunk} {
			file := collect(t, stream.Via2(pieces(noise(size), 0), pair.Encode(), agecodec.Encrypt(key.Recipient())))
			back := stream.Then(agecodec.Decrypt(key), pair.Decode())
			if got := must(t)(through(back, file, 1000)); !bytes.Equal(got, noise(size)) {
				t.Fatalf("%s: not the same", name)
			}
			for _, last := range []int{1, 5, 16} {
				bad := bytes.Clone(file)
				bad[len(bad)-last] ^= 1
				if _, err := through(back, bad, 1000); !errors.Is(err, agecodec.ErrDamaged) {
					t.Errorf("%s: %d bytes, flipped %d before the end: %v", name, size, last, err)
				}
			}
		}
	}
}

// TestEveryCut cuts a small compressed and encrypted file at every byte.
func TestEveryCut(t *testing.T) {
	key := newKey(t)
	file := collect(t, stream.Via2(pieces(noise(700), 0), codec.Gzip(nil), agecodec.Encrypt(key.Recipient())))
	back := stream.Then(agecodec.Decrypt(key), codec.Gunzip(nil))
	for n := range file {
		for _, cut := range []int{0, 1} {
			if _, err := through(back, file[:n], cut); err == nil {
				t.Errorf("%d of %d bytes: no error", n, len(file))
			}
		}
	}
}
