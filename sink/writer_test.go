package sink_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/apart"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func text(s ...string) stream.Source[[]byte] {
	return stream.Via(source.Slice(s), stream.Map(func(s string) []byte { return []byte(s) }))
}

// writer is a writer that fails, writes short or panics at its n-th byte.
type writer struct {
	bytes.Buffer
	limit  int
	err    error // nil: a short Write returns no error
	shut   error
	closed []error // the errors passed to CloseWithError, and nil for each Close
}

func (w *writer) Write(p []byte) (int, error) {
	if rest := w.limit - w.Len(); w.limit > 0 && rest < len(p) {
		n, _ := w.Buffer.Write(p[:rest])
		return n, w.err
	}
	return w.Buffer.Write(p)
}

func (w *writer) Close() error {
	w.closed = append(w.closed, nil)
	return w.shut
}

// failer is a writer that can also be closed with an error.
type failer struct{ writer }

func (w *failer) CloseWithError(err error) error {
	w.closed = append(w.closed, err)
	return w.shut
}

func TestWriter(t *testing.T) {
	for name, f := range map[string]struct {
		w    writer
		n    int64
		want error
	}{
		"whole":  {writer{}, 6, nil},
		"failed": {writer{limit: 5, err: errTest}, 5, errTest},
		"short":  {writer{limit: 5}, 5, io.ErrShortWrite},
	} {
		n, err := stream.Run(t.Context(), text("abc", "def"), sink.Writer(&f.w))
		if n != f.n || !errors.Is(err, f.want) || f.want == nil && err != nil || f.w.String() != "abcdef"[:n] ||
			f.w.closed != nil {
			t.Errorf("%s: %d, %v, %q, closed: %v", name, n, err, f.w.String(), f.w.closed)
		}
	}
	var b bytes.Buffer
	s := sink.Writer(&b)
	for range 2 {
		if _, err := stream.Run(t.Context(), text("ab"), s); err != nil {
			t.Error(err)
		}
	}
	if b.String() != "abab" {
		t.Error(b.String())
	}
}

// Cancellation interrupts a blocked Write. If the caller owns the writer, it still works
// afterwards.
func TestWriterIsUnblocked(t *testing.T) {
	osRead, osWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer osRead.Close()
	defer osWrite.Close()
	netRead, netWrite := net.Pipe()
	ioRead, ioWrite := io.Pipe()
	for name, f := range map[string]struct {
		w     io.Writer
		r     io.Reader
		after error
	}{
		"os.Pipe":  {osWrite, osRead, nil},
		"net.Conn": {netWrite, netRead, nil},
		"io.Pipe":  {ioWrite, ioRead, errTest},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			time.AfterFunc(10*time.Millisecond, func() { cancel(errTest) }) // the run has begun
			for {
				if err := emit(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		})
		if _, err := stream.Run(ctx, src, sink.Writer(f.w)); err != errTest {
			t.Errorf("%s: %v", name, err)
		}
		read := make(chan error)
		go func() { _, err := f.r.Read(make([]byte, 1<<20)); read <- err }()
		if f.after == nil {
			if _, err := f.w.Write([]byte("x")); err != nil {
				t.Errorf("%s: a later Write: %v", name, err)
			}
		}
		if err := <-read; err != f.after {
			t.Errorf("%s: the other side: %v", name, err)
		}
	}
}

// Create closes its writer once, however the run ends, with the error if the writer supports that.
func TestCreateCloses(t *testing.T) {
	failed := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		return errors.Join(emit([]byte("x")), errTest)
	})
	panicking := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error { panic(errTest) })
	exiting := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		runtime.Goexit()
		return nil
	})
	for name, f := range map[string]struct {
		src   stream.Source[[]byte]
		w     writer
		want  []error
		whole bool
	}{
		"complete":        {src: text("x"), whole: true},
		"complete, Close": {src: text("x"), w: writer{shut: errOther}, want: []error{errOther}, whole: true},
		"upstream":        {src: failed, want: []error{errTest}},
		"upstream, Close": {src: failed, w: writer{shut: errOther}, want: []error{errTest, errOther}},
		"Write":           {src: text("xyz"), w: writer{limit: 2, err: errTest}, want: []error{errTest}},
		"panic":           {src: panicking, want: []error{errTest}},
		"ended by Goexit": {src: exiting},
	} {
		plain, told := f.w, &failer{writer{limit: f.w.limit, err: f.w.err, shut: f.w.shut}}
		for _, w := range []io.WriteCloser{&plain, told} {
			err := apart.Run(func() error {
				_, err := stream.Run(t.Context(), f.src, sink.Create(func(context.Context) (io.WriteCloser, error) {
					return w, nil
				}))
				return err
			})
			if (err == nil) != (f.want == nil) {
				t.Errorf("%s: %v", name, err)
			}
			for _, want := range f.want {
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, expected %v", name, err, want)
				}
			}
		}
		if len(plain.closed) != 1 || len(told.closed) != 1 || (told.closed[0] == nil) != f.whole {
			t.Errorf("%s: closed with %v and %v", name, plain.closed, told.closed)
		}
		if len(f.want) > 0 && !f.whole && name != "panic" && !errors.Is(told.closed[0], errTest) {
			t.Errorf("%s: the writer was told %v", name, told.closed[0])
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	store := func(name string, opts *sink.FileOptions, src stream.Source[[]byte]) (int64, error) {
		return stream.Run(t.Context(), src, sink.File(name, opts))
	}
	holds := func(name, want string, perm fs.FileMode) {
		t.Helper()
		got, err := os.ReadFile(name)
		info, _ := os.Stat(name)
		if err != nil || string(got) != want || runtime.GOOS != "windows" && info.Mode() != perm {
			t.Errorf("%s: %q, %v, %v", name, got, info, err)
		}
	}
	if n, err := store(name, nil, text("ab", "c")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	holds(name, "abc", 0o600)
	if n, err := store(name, &sink.FileOptions{Perm: 0o666}, text()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	holds(name, "", 0o666)
	if n, err := store(name, &sink.FileOptions{Append: true}, text("de")); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := store(name, &sink.FileOptions{Append: true}, text("f")); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	holds(name, "def", 0o666)

	failing := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		return errors.Join(emit([]byte("gh")), errTest)
	})
	if n, err := store(name, nil, failing); n != 2 || !errors.Is(err, errTest) {
		t.Error(n, err)
	}
	holds(name, "def", 0o666)
	if n, err := store(name, &sink.FileOptions{Append: true}, failing); n != 2 || !errors.Is(err, errTest) {
		t.Error(n, err)
	}
	holds(name, "defgh", 0o666)
	fresh := filepath.Join(dir, "fresh")
	if _, err := store(fresh, &sink.FileOptions{Append: true, Perm: 0o664}, text("x")); err != nil {
		t.Error(err)
	}
	holds(fresh, "x", 0o664)
	if err := apart.Run(func() error {
		_, err := store(filepath.Join(dir, "none"), nil,
			stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
				panic(errTest)
			}))
		return err
	}); !errors.Is(err, errTest) {
		t.Error(err)
	}

	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err == nil {
		if _, err := store(link, &sink.FileOptions{FollowLinks: true}, text("by link")); err != nil {
			t.Error(err)
		}
		holds(name, "by link", 0o666)
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Error("the link was replaced:", err)
		}
	}
	long := filepath.Join(dir, strings.Repeat("n", 255))
	if _, err := store(long, nil, text("x")); err != nil {
		t.Error(err)
	}
	holds(long, "x", 0o600)

	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Error("left behind:", entries, err)
	}
}

// File refuses what it cannot store before the upstream starts.
func TestFileRefuses(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	_ = os.Symlink(loop, loop)
	socket := filepath.Join(dir, "socket") // stands for all special files: a bug of the test must not destroy a device
	if l, err := net.Listen("unix", socket); err == nil {
		defer l.Close()
	}
	for _, name := range []string{
		dir, socket, loop, filepath.Join(dir, "no", "such", "folder"),
		filepath.Join(dir, "x\x00y"),
	} {
		for _, opts := range []*sink.FileOptions{nil, {Append: true}} {
			_, err := stream.Run(t.Context(),
				stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
					t.Errorf("%q: the upstream was run", name)
					return nil
				}), sink.File(name, opts))
			if err == nil {
				t.Errorf("%q: stored", name)
			}
		}
	}
	if info, err := os.Lstat(socket); err == nil && info.Mode().IsRegular() {
		t.Error("the socket was replaced")
	}
}

// The file does not exist before it is complete.
func TestFileIsWholeOrNotThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	n, err := stream.Run(t.Context(), stream.Via(text("a", "b"), stream.Map(func(p []byte) []byte {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Error("it is there:", err)
		}
		return p
	})), sink.File(name, nil))
	if n != 2 || err != nil {
		t.Error(n, err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}
