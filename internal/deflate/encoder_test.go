package deflate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/millweir/millweir/internal/deflate"
)

func TestRoundTrip(t *testing.T) {
	const n = blockText
	for name, make := range texts {
		for _, size := range []int{
			0, 1, 2, 3, 4, 15, 16, 17, 18, 100, 1000, window - 1, window, window + 1, n - 17,
			n - 1, n, n + 1, n + 16, n + 17, 2 * n, 3*n + window, 5*n + 3,
		} {
			text := make(size)
			for level := 1; level <= deflate.MaxLevel; level++ {
				t.Run(fmt.Sprint(name, size, "at", level), func(t *testing.T) {
					z := deflate.AppendStream(nil, text, level)
					decodes(t, z, text)
					if len(z) > maxCompressed(size) {
						t.Errorf("%d bytes became %d", size, len(z))
					}
				})
			}
		}
	}
}

// TestCutsDoNotMatter checks that the output depends only on the text and the level: not on how the
// text is cut, and not on what the encoder compressed before.
func TestCutsDoNotMatter(t *testing.T) {
	const size = 2*blockText + 5000
	for name, make := range texts {
		text := make(size)
		for level := 1; level <= deflate.MaxLevel; level++ {
			want := deflate.AppendStream(nil, text, level)
			for _, cut := range []int{7, 1000, window, blockText - 1, blockText, blockText + 1, size} {
				_ = deflate.AppendStream(nil, text[cut/2:], 1+cut%deflate.MaxLevel) // fills the hash tables
				if got := compressInPieces(t, text, level, cut); !bytes.Equal(got, want) {
					t.Errorf("%s at level %d cut at %d: %d bytes, want %d", name, level, cut, len(got), len(want))
				}
			}
		}
		// Whole blocks: only the end may follow.
		want := deflate.AppendStream(nil, text[:2*blockText], 1)
		if got := compressInPieces(t, text[:2*blockText], 1, blockText); !bytes.Equal(got, want) {
			t.Errorf("%s in whole blocks: %d bytes, want %d", name, len(got), len(want))
		}
	}
}

// TestPieces checks that more may follow text that was appended with last = false.
func TestPieces(t *testing.T) {
	text := documents(300_000)
	for level := 1; level <= deflate.MaxLevel; level++ {
		z := []byte("before")
		for p := range slices.Chunk(text, 99_999) {
			z = deflate.AppendPart(z, p, level)
		}
		z = deflate.AppendPart(z, nil, level)
		if !bytes.HasPrefix(z, []byte("before")) {
			t.Fatalf("level %d: it begins with %q", level, z[:6])
		}
		decodes(t, deflate.AppendStream(z[6:], nil, level), text)
	}
}

// TestDistances checks that the encoder finds a repetition at every distance of the format, also
// across blocks, and at no larger distance.
func TestDistances(t *testing.T) {
	pattern := noise(300)
	for level := 1; level <= deflate.MaxLevel; level++ {
		for _, at := range []int{0, 50_000, blockText - 150, blockText - window, blockText} {
			for _, d := range []int{301, 5000, window - 1, window, window + 1, window + 2000} {
				text := slices.Concat(make([]byte, at), pattern, make([]byte, d-len(pattern)), pattern,
					[]byte("and what ends the text"))
				z := deflate.AppendStream(nil, text, level)
				decodes(t, z, text)
				// The fast levels do not look at every position.
				if found := len(z) < 2*len(pattern); found != (d <= window) && (found || level > 2) {
					t.Errorf("level %d, %d bytes back from %d: %d bytes", level, d, at, len(z))
				}
			}
		}
	}
}

// TestStartOfTheWindow has matches near the start of the window. The encoder must not extend them
// to bytes before the window.
func TestStartOfTheWindow(t *testing.T) {
	pattern := noise(100) // less than the longest match
	for level := 1; level <= deflate.MaxLevel; level++ {
		for before := range 12 {
			text := bytes.Repeat([]byte{'x'}, blockText)
			copy(text[blockText-window+before:], pattern)
			text = slices.Concat(text, make([]byte, before), pattern, []byte("and what ends the text"))
			decodes(t, deflate.AppendStream(nil, text, level), text)
		}
	}
}

// TestLengths compresses runs of every match length and longer.
func TestLengths(t *testing.T) {
	var text []byte
	for n := 3; n <= 600; n++ {
		text = append(append(text, byte(n), byte(n>>8), 'x'), bytes.Repeat([]byte{byte(n % 7)}, n)...)
	}
	for level := 1; level <= deflate.MaxLevel; level++ {
		z := deflate.AppendStream(nil, text, level)
		decodes(t, z, text)
		if len(z) > len(text)/30 {
			t.Errorf("level %d: %d bytes became %d", level, len(text), len(z))
		}
	}
}

// TestSizes pins the compressed size of each kind of text, per thousand bytes.
func TestSizes(t *testing.T) {
	const size = 1 << 20
	for _, c := range []struct {
		name string
		most [deflate.MaxLevel]int
	}{
		{"documents", [...]int{388, 379, 371, 354, 352, 350}},
		{"zeros", [...]int{5, 5, 5, 5, 5, 5}},
		{"base64", [...]int{758, 758, 758, 758, 758, 758}}, // six of eight bits carry information
		{"skewed", [...]int{380, 380, 422, 403, 403, 396}},
		{"halves", [...]int{705, 700, 695, 687, 686, 684}},
	} {
		text := texts[c.name](size)
		for i, most := range c.most {
			if got := len(deflate.AppendStream(nil, text, i+1)) * 1000 / size; got > most {
				t.Errorf("%s at level %d: %d of a thousand, want %d", c.name, i+1, got, most)
			}
		}
	}
}

func TestTwoAtOnce(t *testing.T) {
	text := documents(400_000)
	want := deflate.AppendStream(nil, text, 5)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				if got := compressInPieces(t, text, 5, 10_000); !bytes.Equal(got, want) {
					t.Error("other bytes")
				}
			}
		})
	}
	wg.Wait()
}

// limited accepts a number of bytes. Then it fails, or makes a short write without an error.
type limited struct {
	n   int
	err error
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.n)
	l.n -= n
	if n < len(p) {
		return n, l.err
	}
	return n, nil
}

// TestErrors checks that every call after an error reports it, and that a released encoder works
// for another stream.
func TestErrors(t *testing.T) {
	text := documents(5 * blockText)
	failed := errors.New("failed")
	for _, c := range []struct {
		err, want error
	}{{failed, failed}, {nil, io.ErrShortWrite}} {
		for _, room := range []int{0, 1000, 100_000} {
			e := deflate.NewEncoder(&limited{room, c.err}, 5)
			n, err := e.Write(text)
			if n == len(text) || !errors.Is(err, c.want) {
				t.Errorf("room for %d: wrote %d of %d bytes, %v, want %v", room, n, len(text), err, c.want)
			}
			if n, err := e.Write(text); n != 0 || !errors.Is(err, c.want) {
				t.Errorf("then wrote %d bytes, %v", n, err)
			}
			if err := e.Close(); !errors.Is(err, c.want) {
				t.Errorf("then closed with %v", err)
			}
			e.Release()
			decodes(t, compressInPieces(t, text, 5, math.MaxInt), text)
		}
	}
	e := deflate.NewEncoder(&limited{0, failed}, 1)
	if err := e.Close(); !errors.Is(err, failed) {
		t.Errorf("closed with %v, want %v", err, failed)
	}
	e.Release()
}

func TestBlocksDoNotAllocate(t *testing.T) {
	for name, make := range texts {
		text := make(blockText)
		for level := 1; level <= deflate.MaxLevel; level++ {
			e := deflate.NewEncoder(io.Discard, level)
			for range 3 {
				_, _ = e.Write(text)
			}
			if n := testing.AllocsPerRun(5, func() { _, _ = e.Write(text) }); n > 0 {
				t.Errorf("%s at level %d: %v allocations a block", name, level, n)
			}
			e.Release()
		}
	}
}
