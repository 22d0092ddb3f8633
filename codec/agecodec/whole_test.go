package agecodec_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestDecryptWholeContract(t *testing.T) {
	key := newKey(t)
	files := map[int][]byte{}
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:     func() flow { return agecodec.DecryptWhole(key) },
		ReadsOn: true,
		Many:    10,
		Input: func(n int) [][]byte {
			if files[n] == nil {
				files[n] = ageEncrypt(t, noise(n*chunk), key.Recipient())
			}
			var all [][]byte
			for p := range bytesChunks(files[n], chunk+16) {
				all = append(all, p)
			}
			return all
		},
		Bad: []flow{agecodec.DecryptWhole(), agecodec.DecryptWhole(nil)},
	})
}

// counted returns a source that counts its emitted bytes in taken.
func counted(file []byte, size int, taken *int) stream.Source[[]byte] {
	*taken = 0
	return stream.SourceFunc[[]byte](func(c context.Context, emit func([]byte) error) error {
		return pieces(file, size).Each(c, func(p []byte) error {
			*taken += len(p)
			return emit(p)
		})
	})
}

// TestEarlyEnd takes some chunks of a file. Its end is damaged or missing, or its source fails.
func TestEarlyEnd(t *testing.T) {
	key := newKey(t)
	const size = 4*chunk + 10
	file := ageEncrypt(t, noise(size), key.Recipient())
	flipped := bytes.Clone(file)
	flipped[len(file)-1] ^= 1
	for name, c := range map[string]struct {
		file []byte
		most int // chunks that Decrypt emits before it fails
		want error
	}{
		"sound":           {file, 4, nil},
		"flipped":         {flipped, 4, agecodec.ErrDamaged},
		"cut":             {file[:len(file)-1], 4, agecodec.ErrDamaged},
		"the end is gone": {file[:len(file)-26], 3, agecodec.ErrTruncated},
	} {
		for n := 1; n <= c.most; n++ {
			var taken int
			src := stream.Via2(counted(c.file, 1000, &taken), agecodec.Decrypt(key), stream.Take[[]byte](n))
			got, err := stream.Run(ctx, src, sink.Slice[[]byte]())
			if err != nil || len(got) != n {
				t.Errorf("%s: Decrypt, %d chunks taken: %d, %v", name, n, len(got), err)
			}
			if taken > (n+1)*(chunk+16)+2000 {
				t.Errorf("%s: Decrypt, %d chunks taken: %d bytes were read", name, n, taken)
			}
			src = stream.Via2(counted(c.file, 1000, &taken), agecodec.DecryptWhole(key), stream.Take[[]byte](n))
			got, err = stream.Run(ctx, src, sink.Slice[[]byte]())
			if !errors.Is(err, c.want) || c.want == nil && err != nil || err == nil && len(got) != n ||
				stream.Stopped(err) {
				t.Errorf("%s: DecryptWhole, %d chunks taken: %d, %v, want %v", name, n, len(got), err, c.want)
			}
			if taken != len(c.file) {
				t.Errorf("%s: DecryptWhole, %d chunks taken: %d bytes of %d were read", name, n, taken, len(c.file))
			}
		}
	}

	boom := errors.New("boom")
	failing := stream.SourceFunc[[]byte](func(c context.Context, emit func([]byte) error) error {
		if err := pieces(file[:len(file)-100], 1000).Each(c, emit); err != nil {
			return err
		}
		return boom
	})
	_, err := stream.Run(ctx, stream.Via2[[]byte, []byte, []byte](failing, agecodec.DecryptWhole(key),
		stream.Take[[]byte](1)), sink.Slice[[]byte]())
	if !errors.Is(err, boom) || stream.Stopped(err) {
		t.Errorf("the upstream fails behind the early end: %v", err)
	}
	calls := 0
	err = stream.Via(pieces(file, 1000), agecodec.DecryptWhole(key)).Each(ctx, func([]byte) error {
		calls++
		return boom
	})
	if err != boom || calls != 1 { //nolint:errorlint // unchanged
		t.Errorf("a downstream that fails: %v, %d calls", err, calls)
	}
	c, cancel := context.WithCancelCause(ctx)
	_, err = stream.Run(c,
		stream.Via2(stream.Source[[]byte](stream.SourceFunc[[]byte](func(c context.Context,
			emit func([]byte) error,
		) error {
			if err := pieces(file[:len(file)-100], 1000).Each(c, emit); err != nil {
				return err
			}
			cancel(boom)
			<-c.Done()
			return context.Cause(c)
		})), agecodec.DecryptWhole(key), stream.Take[[]byte](1)), sink.Slice[[]byte]())
	if !errors.Is(err, boom) || stream.Stopped(err) {
		t.Errorf("cancelled behind the early end: %v", err)
	}
}

// TestEarlyEndByTheContext: a stage with goroutines stops its upstream by canceling the context,
// and the source of the file observes it.
func TestEarlyEndByTheContext(t *testing.T) {
	key := newKey(t)
	file := ageEncrypt(t, noise(60*chunk), key.Recipient())
	same := stream.Map(func(p []byte) []byte { return p })
	for name, below := range map[string]flow{
		"Async":       stream.Async[[]byte](2),
		"MapParallel": stream.MapParallel(2, func(_ context.Context, p []byte) ([]byte, error) { return p, nil }),
		"Broadcast":   stream.Broadcast(same, same),
	} {
		for what, c := range map[string]struct {
			at   int
			want error
		}{"sound": {-1, nil}, "damaged": {len(file) - 1, agecodec.ErrDamaged}} {
			data := bytes.Clone(file)
			if c.at >= 0 {
				data[c.at] ^= 1
			}
			var taken int
			heeding := stream.SourceFunc[[]byte](func(c context.Context, emit func([]byte) error) error {
				return counted(data, 1000, &taken).Each(c, func(p []byte) error {
					if c.Err() != nil {
						return context.Cause(c)
					}
					return emit(p)
				})
			})
			got, err := stream.Run(ctx, stream.Via3[[]byte, []byte, []byte, []byte](heeding, agecodec.DecryptWhole(key),
				below, stream.Take[[]byte](1)), sink.Slice[[]byte]())
			if !errors.Is(err, c.want) || c.want == nil && (err != nil || len(got) != 1) || taken != len(file) {
				t.Errorf("%s, %s: %d chunks, %d bytes of %d were read, %v", name, what, len(got), taken, len(file), err)
			}
		}
	}
}

// TestReadersThatStop reads with decoders of the standard library that stop at the end of their
// format. The last bytes of the file are damaged.
func TestReadersThatStop(t *testing.T) {
	key := newKey(t)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(noise(3 * chunk))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	member := func(r io.Reader) error {
		g, err := gzip.NewReader(bufio.NewReader(r))
		if err != nil {
			return err
		}
		g.Multistream(false)
		_, err = io.Copy(io.Discard, g)
		return err
	}
	array := func(r io.Reader) error { return json.NewDecoder(r).Decode(new([]string)) }
	text := `["` + strings.Repeat("x", 3*chunk) + `"]`
	for name, c := range map[string]struct {
		plain []byte
		read  func(io.Reader) error
	}{
		"one gzip member":                  {z.Bytes(), member},
		"one gzip member, more behind it":  {append(bytes.Clone(z.Bytes()), make([]byte, 2*chunk)...), member},
		"a JSON array":                     {[]byte(text), array},
		"a JSON array, white space behind": {[]byte(text + strings.Repeat(" ", 2*chunk)), array},
	} {
		file := ageEncrypt(t, c.plain, key.Recipient())
		for _, flip := range []bool{false, true} {
			if flip {
				file[len(file)-1] ^= 1
			}
			r := stream.Reader(ctx, stream.Via(pieces(file, 1000), agecodec.DecryptWhole(key)))
			err := errors.Join(c.read(r), r.Close())
			if flip != errors.Is(err, agecodec.ErrDamaged) || !flip && err != nil {
				t.Errorf("%s, flipped %v: %v", name, flip, err)
			}
			// A reader that reads everything from Decrypt gets the error, and not all of the data.
			r = stream.Reader(ctx, stream.Via(pieces(file, 1000), agecodec.Decrypt(key)))
			if got, err := io.ReadAll(r); flip && (!errors.Is(err, agecodec.ErrDamaged) || len(got) >= len(c.plain)) {
				t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(c.plain), err)
			}
			_ = r.Close()
		}
	}
}

// TestNothingBehindDamage flips a bit in each chunk. Exactly the chunks before it are emitted.
func TestNothingBehindDamage(t *testing.T) {
	key := newKey(t)
	data := noise(6*chunk + 100)
	file := ageEncrypt(t, data, key.Recipient())
	head := len(file) - len(data) - 7*16
	for k := range 7 {
		for _, at := range []int{0, 1, chunk / 2, chunk + 15} {
			if k == 6 {
				at %= 116
			}
			bad := bytes.Clone(file)
			bad[head+k*(chunk+16)+at] ^= 0x80
			for _, cut := range []int{0, 1000, chunk + 16, 3*chunk + 1} {
				for _, f := range []flow{agecodec.Decrypt(key), agecodec.DecryptWhole(key)} {
					got, err := through(f, bad, cut)
					if !errors.Is(err, agecodec.ErrDamaged) || !bytes.Equal(got, data[:k*chunk]) {
						t.Errorf("chunk %d flipped at %d, cut at %d: %d bytes, %v", k, at, cut, len(got), err)
					}
				}
			}
		}
	}
}
