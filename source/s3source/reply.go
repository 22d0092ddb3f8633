package s3source

import (
	"context"
	"io"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/stream"
)

// reply sends one request and emits the bytes of its reply. It returns nil if the reply is
// complete.
func (r *run) reply(runCtx context.Context, emit func([]byte) error) error {
	ctx, w := r.watch(runCtx)
	defer w.end()
	body, upto, err := r.openBegun(runCtx, ctx, w)
	if err != nil {
		return orStalled(ctx, err)
	}
	defer body.Close() //nolint:errcheck // the body was read or is given up
	for upto < 0 || r.pos < upto {
		if ctx.Err() != nil { // otherwise buffered bytes would still be read
			return r.readError(ctx, w, context.Cause(ctx))
		}
		n := int64(r.opts.ChunkSize)
		if upto >= 0 {
			n = min(n, upto-r.pos)
		}
		chunk := r.newChunk(n)
		got, err := readFull(body, chunk, w)
		if got > 0 {
			r.pos += int64(got)
			if err := r.emit(chunk[:got], emit); err != nil {
				return err
			}
		}
		switch {
		case err == nil, r.pos == upto:
		case err == io.EOF && upto < 0: //nolint:errorlint // a reader's end is io.EOF itself
			return nil
		case err == io.EOF: //nolint:errorlint // as above
			return brokenOff(io.ErrUnexpectedEOF)
		default:
			return r.readError(ctx, w, brokenOff(err))
		}
	}
	return nil
}

// openBegun begins the run, if it has not begun, and opens the next reply.
func (r *run) openBegun(runCtx, ctx context.Context, w *watchdog) (body io.ReadCloser, upto int64, err error) {
	if !r.described {
		body, upto, err = r.openFirst(runCtx, ctx, w)
		if body != nil || err != nil {
			return body, upto, err
		}
	}
	if err := r.begin(runCtx); err != nil { // what it keeps outlives this reply
		return nil, 0, err
	}
	if r.betweenParts() {
		if err := r.verifier.nextPart(); err != nil {
			return nil, 0, fatal{err}
		}
	}
	return r.openWatched(ctx, w)
}

// openFirst opens the first reply, and begins the run. If other requests must come before its bytes
// are used, the reply is given up, and there is no body: it would hold a connection, which may be
// the only one that the HTTP client allows.
func (r *run) openFirst(runCtx, ctx context.Context, w *watchdog) (body io.ReadCloser, upto int64, err error) {
	body, upto, err = r.openWatched(ctx, w)
	if err != nil {
		return nil, 0, err
	}
	unconfirmed := r.nameless && r.wholeObject()
	if !unconfirmed && !r.asksMore() {
		if err = r.begin(runCtx); err == nil {
			return body, upto, nil
		}
	}
	_ = body.Close() // its bytes are not used
	if err == nil && unconfirmed {
		err = r.confirmNameless(runCtx, upto)
	}
	return nil, 0, err
}

// openWatched is open with a limit for the wait.
func (r *run) openWatched(ctx context.Context, w *watchdog) (body io.ReadCloser, upto int64, err error) {
	w.request()
	body, upto, err = r.open(ctx)
	if err == nil {
		w.replied() // an error reply counts in RetryTimeout
	}
	return body, upto, err
}

// betweenParts reports whether the size of the object's next part must be asked for.
func (r *run) betweenParts() bool {
	return r.verifier != nil && r.verifier.asksEach && r.verifier.left == 0 && r.pos < r.end
}

// readError returns the reason for an error of a read.
func (r *run) readError(ctx context.Context, w *watchdog, err error) error {
	if err = orStalled(ctx, err); err == errStalled && w.paceLimits { //nolint:errorlint // it is our own, unwrapped
		return r.pace.miss()
	}
	return err
}

// brokenOff returns err as the error of a body that ended too early. Another reply may have the
// rest.
func brokenOff(err error) error { return stream.Mark(s3fault.Report(err), stream.Retryable) }

// readFull fills p. w limits each read. At the end of body it returns io.EOF with the bytes before
// it.
func readFull(body io.Reader, p []byte, w *watchdog) (int, error) {
	n, empty := 0, 0
	for n < len(p) {
		w.start()
		got, err := body.Read(p[n:])
		w.stop(got)
		n += got
		switch {
		case err != nil:
			return n, err
		case got > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return n, io.ErrNoProgress
			}
		}
	}
	return n, nil
}
