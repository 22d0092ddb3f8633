package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millweir/millweir/internal/apart"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The bytes are complete, however the reader divides and ends them.
func TestReaderCuts(t *testing.T) {
	for _, n := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		data := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"plain":   func(r io.Reader) io.Reader { return r },
			"byte":    iotest.OneByteReader,
			"half":    iotest.HalfReader,
			"dataerr": iotest.DataErrReader,
			"lazy":    func(r io.Reader) io.Reader { return &lazy{r: r, nothing: 99} },
		} {
			if n > 100_000 && name == "byte" {
				continue
			}
			chunks, err := collect(t, source.Reader(wrap(bytes.NewReader(data))))
			for _, c := range chunks {
				if len(c) == 0 || len(c) > 64<<10 || cap(c) != len(c) {
					t.Errorf("%d bytes, %s: a chunk of %d, room for %d", n, name, len(c), cap(c))
				}
			}
			if err != nil || !bytes.Equal(bytes.Join(chunks, nil), data) {
				t.Errorf("%d bytes, %s: %v", n, name, err)
			}
		}
	}
}

// lazy returns no bytes a number of times before each read.
type lazy struct {
	r       io.Reader
	nothing int
	n       int
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.n++; l.n <= l.nothing {
		return 0, nil
	}
	l.n = 0
	return l.r.Read(p)
}

func TestReaderErrors(t *testing.T) {
	data := func() io.Reader { return bytes.NewReader([]byte("data")) }
	for name, f := range map[string]struct {
		r    io.Reader
		want error
	}{
		"failing":         {io.MultiReader(data(), iotest.ErrReader(errTest)), errTest},
		"data with error": {iotest.DataErrReader(io.MultiReader(data(), iotest.ErrReader(errTest))), errTest},
		"no progress":     {io.MultiReader(data(), &lazy{nothing: 100}), io.ErrNoProgress},
		"wrapped EOF":     {io.MultiReader(data(), iotest.ErrReader(errors.Join(io.EOF))), io.EOF},
	} {
		src := source.Reader(f.r)
		got, err := collect(t, src)
		if !errors.Is(err, f.want) || string(bytes.Join(got, nil)) != "data" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := collect(t, src); err != source.ErrUsed {
			t.Errorf("%s: the second run: %v", name, err)
		}
	}
}

// Small reads share an allocation, and still appending to a chunk does not change another.
func TestReaderChunksAreApart(t *testing.T) {
	var all [][]byte
	err := source.Reader(iotest.OneByteReader(bytes.NewReader(lines(100)))).Each(t.Context(), func(c []byte) error {
		all = append(all, bytes.Clone(c))
		c[0] = 'X'
		_ = append(c, "more than one chunk"...)
		return nil
	})
	if err != nil || !bytes.Equal(bytes.Join(all, nil), lines(100)) {
		t.Error(err)
	}
	if got := testing.AllocsPerRun(5, func() {
		if err := source.Reader(iotest.OneByteReader(bytes.NewReader(lines(1000)))).Each(t.Context(),
			func([]byte) error {
				return nil
			}); err != nil {
			t.Error(err)
		}
	}); got > 2000 { // most of them in lines
		t.Errorf("%v allocations for %d one-byte reads", got, len(lines(1000)))
	}
}

// Cancellation interrupts a blocked Read. If the caller owns the reader, it still works afterwards.
func TestReaderIsUnblocked(t *testing.T) {
	osRead, osWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer osWrite.Close()
	defer osRead.Close()
	netRead, netWrite := net.Pipe()
	defer netRead.Close()
	ioRead, ioWrite := io.Pipe()
	for name, f := range map[string]struct {
		r     io.Reader
		w     io.Writer
		after error
	}{
		"os.Pipe":  {osRead, osWrite, nil},
		"net.Conn": {netRead, netWrite, nil},
		"io.Pipe":  {ioRead, ioWrite, errTest},
	} {
		if err := cancelBlocked(t, source.Reader(f.r), f.w); err != errTest {
			t.Errorf("%s: %v", name, err)
		}
		wrote := make(chan error)
		go func() { _, err := f.w.Write([]byte("x")); wrote <- err }()
		if f.after == nil {
			if n, err := f.r.Read(make([]byte, 9)); n != 1 || err != nil {
				t.Errorf("%s: a later Read: %d, %v", name, n, err)
			}
		}
		if err := <-wrote; err != f.after {
			t.Errorf("%s: the other side: %v", name, err)
		}
	}
}

// cancelBlocked runs src, a source of what is written to w. It writes one byte, and cancels the run
// with errTest after src has emitted it, while src waits for more.
func cancelBlocked(t *testing.T, src stream.Source[[]byte], w io.Writer) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { _, _ = w.Write([]byte("a")) }()
	return src.Each(ctx, func(p []byte) error {
		if string(p) != "a" {
			t.Errorf("it emitted %q", p)
		}
		time.AfterFunc(10*time.Millisecond, func() { cancel(errTest) })
		return nil
	})
}

// closer counts how often it is closed.
type closer struct {
	io.Reader
	shut   func() error
	closed atomic.Int32
}

func (c *closer) Close() error {
	c.closed.Add(1)
	if c.shut == nil {
		return nil
	}
	return c.shut()
}

// Open closes its reader once; a failing Close fails the run.
func TestOpenCloses(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	netRead, _ := net.Pipe()
	failing := func() error { return errOther }
	for name, f := range map[string]struct {
		c    *closer
		emit error
		want []error
		not  error
	}{
		"complete": {c: &closer{Reader: bytes.NewReader([]byte("x"))}},
		"complete, Close": {
			c:    &closer{Reader: bytes.NewReader([]byte("x")), shut: failing},
			want: []error{errOther},
		},
		"read, Close": {
			c:    &closer{Reader: iotest.ErrReader(errTest), shut: failing},
			want: []error{errTest, errOther},
		},
		"emit, Close": {
			c: &closer{Reader: bytes.NewReader([]byte("x")), shut: failing}, emit: errTest,
			want: []error{errTest, errOther},
		},
		"blocked, cancelled": {c: &closer{Reader: pr, shut: pr.Close}, want: []error{errTest}, not: io.ErrClosedPipe},
		"net, cancelled":     {c: &closer{Reader: netRead, shut: netRead.Close}, want: []error{errTest}},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := source.Open(func(context.Context) (io.ReadCloser, error) {
			if name == "blocked, cancelled" || name == "net, cancelled" {
				time.AfterFunc(10*time.Millisecond, func() { cancel(errTest) })
			}
			return f.c, nil
		}).Each(ctx, func([]byte) error { return f.emit })
		if (err == nil) != (f.want == nil) || f.not != nil && errors.Is(err, f.not) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range f.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, expected %v", name, err, want)
			}
		}
		if n := f.c.closed.Load(); n != 1 {
			t.Errorf("%s: closed %d times", name, n)
		}
		cancel(nil)
	}
	c := &closer{Reader: bytes.NewReader([]byte("x"))}
	err := apart.Run(func() error {
		return source.Open(func(context.Context) (io.ReadCloser, error) { return c, nil }).
			Each(t.Context(), func([]byte) error { panic(errTest) })
	})
	if err != errTest || c.closed.Load() != 1 {
		t.Error(err, c.closed.Load())
	}
}

func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ten")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		opts   *source.FileOptions
		want   string
		err    error
		chunks int
	}{
		{nil, "0123456789", nil, 1},
		{&source.FileOptions{}, "0123456789", nil, 1},
		{&source.FileOptions{ChunkSize: 1}, "0123456789", nil, 10},
		{&source.FileOptions{ChunkSize: 3}, "0123456789", nil, 4},
		{&source.FileOptions{ChunkSize: 10}, "0123456789", nil, 1},
		{&source.FileOptions{Offset: 1}, "123456789", nil, 1},
		{&source.FileOptions{Offset: 9}, "9", nil, 1},
		{&source.FileOptions{Offset: 10}, "", nil, 0},
		{&source.FileOptions{Offset: 11}, "", io.ErrUnexpectedEOF, 0},
		{&source.FileOptions{Length: 1}, "0", nil, 1},
		{&source.FileOptions{Length: 10}, "0123456789", nil, 1},
		{&source.FileOptions{Length: 11}, "0123456789", io.ErrUnexpectedEOF, 1},
		{&source.FileOptions{Offset: 4, Length: 3, ChunkSize: 2}, "456", nil, 2},
		{&source.FileOptions{Offset: 4, Length: 6}, "456789", nil, 1},
		{&source.FileOptions{Offset: 4, Length: 7}, "456789", io.ErrUnexpectedEOF, 1},
		{&source.FileOptions{Offset: 10, Length: 1}, "", io.ErrUnexpectedEOF, 0},
	} {
		chunks, err := collect(t, source.File(name, f.opts))
		if got := string(bytes.Join(chunks, nil)); got != f.want || !errors.Is(err, f.err) || f.err == nil &&
			err != nil || len(chunks) != f.chunks {
			t.Errorf("%+v: %q in %d chunks, %v", f.opts, got, len(chunks), err)
		}
	}
	if _, err := collect(t, source.File(name+"0", nil)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := collect(t, source.File(filepath.Dir(name), nil)); err == nil {
		t.Error("a directory was read")
	}
	opts := &source.FileOptions{Length: 2}
	src := source.File(name, opts)
	opts.Length = 5
	if got, err := collect(t, src); err != nil || string(got[0]) != "01" {
		t.Errorf("the caller's options were kept: %q, %v", got, err)
	}
}
