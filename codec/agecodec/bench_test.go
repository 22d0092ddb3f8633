package agecodec_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

const benchSize = 32 << 20

// fresh returns a source of data in chunks of size bytes. It copies data into buf for every run,
// because a flow may overwrite its chunks, and allocates nothing.
func fresh(buf, data []byte, size int) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for at := 0; at < len(data); at += size {
			end := min(at+size, len(data))
			copy(buf[at:end], data[at:end])
			if err := emit(buf[at:end:end]); err != nil {
				return err
			}
		}
		return nil
	})
}

func ignore([]byte) error { return nil }

// BenchmarkEncrypt compares with filippo.io/age, on chunks as large as those of a compressor and of
// a network.
func BenchmarkEncrypt(b *testing.B) {
	key := newKey(b)
	data := noise(benchSize)
	buf := make([]byte, benchSize)
	for name, size := range map[string]int{"64KiB": 64 << 10, "1MiB": 1 << 20} {
		b.Run("ours/"+name, func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				if err := stream.Via(fresh(buf, data, size), agecodec.Encrypt(key.Recipient())).Each(b.Context(),
					ignore); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("age/"+name, func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				w, err := age.Encrypt(io.Discard, key.Recipient())
				if err == nil {
					err = fresh(buf, data, size).Each(b.Context(), func(p []byte) error {
						_, err := w.Write(p)
						return err
					})
				}
				if err == nil {
					err = w.Close()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecrypt compares with filippo.io/age.
func BenchmarkDecrypt(b *testing.B) {
	key := newKey(b)
	file := ageEncrypt(b, noise(benchSize), key.Recipient())
	buf := make([]byte, len(file))
	for name, size := range map[string]int{"32KiB": 32 << 10, "64KiB": 64 << 10, "1MiB": 1 << 20} {
		b.Run("ours/"+name, func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				if err := stream.Via(fresh(buf, file, size), agecodec.Decrypt(key)).Each(b.Context(),
					ignore); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("age", func(b *testing.B) {
		b.SetBytes(benchSize)
		b.ReportAllocs()
		plain := make([]byte, 64<<10)
		for b.Loop() {
			copy(buf, file) // the other benchmarks copy the file too
			r, err := age.Decrypt(bytes.NewReader(buf), key)
			for err == nil {
				_, err = r.Read(plain)
			}
			if err != io.EOF { //nolint:errorlint // the reader's own end
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRewrap shows the cost of changing keys, and the share of the verification.
func BenchmarkRewrap(b *testing.B) {
	key := newKey(b)
	file := ageEncrypt(b, noise(benchSize), key.Recipient())
	buf := make([]byte, len(file))
	for name, f := range map[string]flow{
		"verified":   agecodec.Rewrap([]age.Identity{key}, key.Recipient()),
		"unverified": agecodec.RewrapUnverified([]age.Identity{key}, key.Recipient()),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				if err := stream.Via(fresh(buf, file, 64<<10), f).Each(b.Context(), ignore); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkArmor compares with age's armor, in both directions.
func BenchmarkArmor(b *testing.B) {
	data := noise(benchSize)
	text := ageArmor(b, data)
	buf := make([]byte, len(text))
	b.Run("write", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			if err := stream.Via(fresh(buf, data, 64<<10), agecodec.Armor()).Each(b.Context(), ignore); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read/ours", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			if err := stream.Via(fresh(buf, text, 64<<10), agecodec.Dearmor()).Each(b.Context(), ignore); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read/age", func(b *testing.B) {
		b.SetBytes(benchSize)
		for b.Loop() {
			if _, err := io.Copy(io.Discard, armor.NewReader(bytes.NewReader(text))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
