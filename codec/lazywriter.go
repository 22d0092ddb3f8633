package codec

import "io"

// openEncoder is the function that [Encoder] takes.
type openEncoder = func(io.Writer) (io.WriteCloser, error)

// lazily returns a function whose writer calls open when it gets the first bytes, or when it is
// closed without any. So many runs that wait for data take little memory.
func lazily(open openEncoder) openEncoder {
	return func(to io.Writer) (io.WriteCloser, error) { return &lazyWriter{to: to, open: open}, nil }
}

type lazyWriter struct {
	to   io.Writer
	open openEncoder
	w    io.WriteCloser // nil before it is needed
}

// Write implements [io.Writer].
func (l *lazyWriter) Write(p []byte) (int, error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	return l.w.Write(p)
}

// Close implements [io.Closer].
func (l *lazyWriter) Close() error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.w.Close()
}

func (l *lazyWriter) begin() (err error) {
	if l.w == nil {
		l.w, err = l.open(l.to)
	}
	return err
}

func (l *lazyWriter) release() {
	if r, ok := l.w.(releaser); ok {
		r.release()
	}
}
