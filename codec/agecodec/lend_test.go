package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// lender is a source that lends its chunks.
type lender interface {
	stream.Source[[]byte]
	WriteTo(ctx context.Context, w io.Writer) error
}

// lent returns the source that f makes of src. It fails the test if the source does not lend.
func lent(t testing.TB, src stream.Source[[]byte], f flow) lender {
	t.Helper()
	l, ok := stream.Via(src, f).(lender)
	if !ok {
		t.Fatal("it does not lend")
	}
	return l
}

func TestLentChunks(t *testing.T) {
	key := newKey(t)
	for _, n := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		for _, size := range []int{0, 1000, 32 << 10, 64 << 10, 64<<10 + 16} {
			t.Run(fmt.Sprintf("%d by %d", n, size), func(t *testing.T) {
				data := noise(n)
				var file, plain bytes.Buffer
				if err := lent(t, pieces(data, size), agecodec.Encrypt(key.Recipient())).WriteTo(ctx,
					&file); err != nil {
					t.Fatal(err)
				}
				r, err := age.Decrypt(bytes.NewReader(file.Bytes()), key)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("age reads %d bytes (%v), not the %d that were encrypted", len(got), err, n)
				}
				if err := lent(t, pieces(file.Bytes(), size), agecodec.Decrypt(key)).WriteTo(ctx, &plain); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(plain.Bytes(), data) {
					t.Error("what was decrypted is not what was encrypted")
				}
			})
		}
	}
}

// writerFunc is a writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLentChunksAreRefused(t *testing.T) {
	key, full := newKey(t), errors.New("full")
	data := noise(200_000)
	file := ageEncrypt(t, data, key.Recipient())
	for name, c := range map[string]struct {
		w    writerFunc
		want error
	}{
		"an error":      {func([]byte) (int, error) { return 0, full }, full},
		"a short write": {func(p []byte) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
	} {
		for what, l := range map[string]lender{
			"encrypt": lent(t, pieces(data, 1000), agecodec.Encrypt(key.Recipient())),
			"decrypt": lent(t, pieces(file, 1000), agecodec.Decrypt(key)),
		} {
			t.Run(what+"/"+name, func(t *testing.T) {
				calls := 0
				err := l.WriteTo(ctx, writerFunc(func(p []byte) (int, error) {
					calls++
					return c.w(p)
				}))
				if !errors.Is(err, c.want) || calls != 1 {
					t.Errorf("%v after %d writes, want %v after one", err, calls, c.want)
				}
			})
		}
	}
}

func TestLentDamage(t *testing.T) {
	key := newKey(t)
	data := noise(200_000)
	file := ageEncrypt(t, data, key.Recipient())
	file[len(file)-50_000] ^= 1 // in the third chunk
	var plain bytes.Buffer
	err := lent(t, pieces(file, 10_000), agecodec.Decrypt(key)).WriteTo(ctx, &plain)
	if !errors.Is(err, agecodec.ErrDamaged) {
		t.Errorf("%v, want %v", err, agecodec.ErrDamaged)
	}
	if !bytes.Equal(plain.Bytes(), data[:128<<10]) {
		t.Errorf("%d bytes before the damage, want two chunks", plain.Len())
	}
}

// TestLentAllocations shows that more chunks do not take more memory.
func TestLentAllocations(t *testing.T) {
	key := newKey(t)
	chunk := noise(64 << 10)
	many := func(n int) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			for range n {
				if err := emit(chunk[:len(chunk):len(chunk)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	allocs := func(n int) float64 {
		l := lent(t, many(n), agecodec.Encrypt(key.Recipient()))
		return testing.AllocsPerRun(5, func() {
			if err := l.WriteTo(ctx, io.Discard); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, more := allocs(4), allocs(84); more > few+8 {
		t.Errorf("%v allocations for 84 chunks, %v for 4", more, few)
	}
}
