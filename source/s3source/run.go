package s3source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// run is the state of one read of an object.
type run struct {
	*download
	lent            bool   // the receiver uses a chunk only until emit returns
	buf             []byte // all chunks, if lent
	pos             int64  // offset of the next byte to emit
	end             int64  // offset at which the run ends; -1 if unknown
	lengthConfirmed bool   // end comes from more than the length of a body, which a proxy may have shortened
	etag            string // of the first reply, or required of it; "" if unknown
	gotReply        bool   // there was a reply
	bodyEnded       bool   // the last reply is complete, and only the proof remains
	storedSum       string // the object's CRC64NVME; "" if there is none or it cannot be checked
	crc             uint64 // of the emitted bytes
	failures        int    // replies in a row with at most minProgress bytes
	minProgress     int64  // bytes at MinRate in the pause before the last request
	pace            pace
}

// wholeObject reports whether the run reads all of the object.
func (r *run) wholeObject() bool { return r.opts.Offset == 0 && r.opts.Length == 0 }

// fatal is an error that another request does not fix.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// each sends one request after another until all bytes are read or another request does not help.
func (r *run) each(ctx context.Context, emit func([]byte) error) error {
	var down error // the error that emit returned
	for {
		from := r.pos
		var err error
		if !r.bodyEnded {
			err = r.reply(ctx, func(p []byte) error {
				down = emit(p)
				return down
			})
			r.bodyEnded = err == nil
		}
		if r.bodyEnded {
			err = r.finish(ctx)
		}
		var f fatal
		switch {
		case err == nil:
			return nil
		case down != nil:
			return down
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &f):
			return r.failed(f.error)
		case r.pos-from > r.minProgress: // with a byte per request the run would never end
			r.failures = 0
		}
		if r.failures >= r.opts.Retries || r.pace.missed > r.opts.Retries {
			return r.failed(err)
		}
		r.failures++
		wait := backoff(r.failures)
		r.minProgress = bytesIn(r.opts.MinRate, wait)
		if r.opts.OnRetry != nil {
			r.opts.OnRetry(r.failed(err), wait)
		}
		if !s3retry.Sleep(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

// failed adds the package, the object and the position to err.
func (r *run) failed(err error) error {
	if r.pos == r.opts.Offset {
		return fmt.Errorf("s3source: get %s/%s: %w", r.bucket, r.key, err)
	}
	return fmt.Errorf("s3source: get %s/%s from byte %d: %w", r.bucket, r.key, r.pos, err)
}

// backoff returns how long to wait before the nth request in a row.
func backoff(n int) time.Duration {
	d := min(50*time.Millisecond<<min(n, 10), 5*time.Second)
	return d/2 + rand.N(d/2) //nolint:gosec // a delay is no secret
}

// reply sends one request and emits the bytes of its reply. It returns nil if the reply is
// complete.
func (r *run) reply(ctx context.Context, emit func([]byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	timer := time.AfterFunc(r.opts.StallTimeout, func() { cancel(errStalled) })
	defer timer.Stop()
	body, upto, err := r.open(ctx)
	timer.Stop()
	if err != nil {
		return orStalled(ctx, err)
	}
	defer body.Close()               //nolint:errcheck // the body was read or is given up
	r.pace.add(time.Since(begin), 0) // an error reply does not count here, but in Retries
	w := &readTimer{pace: &r.pace, stall: r.opts.StallTimeout, timer: timer}
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
			chunk = chunk[:got:got]
			if r.storedSum != "" {
				r.crc = crc64nvme.Update(r.crc, chunk)
			}
			r.pos += int64(got)
			if err := emit(chunk); err != nil {
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

// newChunk returns memory for a chunk of n bytes.
func (r *run) newChunk(n int64) []byte {
	if !r.lent {
		return make([]byte, n)
	}
	if int64(len(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	return r.buf[:n]
}

// readError returns the reason for an error of a read.
func (r *run) readError(ctx context.Context, w *readTimer, err error) error {
	if err = orStalled(ctx, err); err == errStalled && w.paceLimits { //nolint:errorlint // it is our own, unwrapped
		return r.pace.miss()
	}
	return err
}

// brokenOff returns err as the error of a body that ended too early. Another reply may have the
// rest.
func brokenOff(err error) error { return stream.Mark(s3fault.Report(err), stream.Retryable) }

var errStalled = fmt.Errorf("no byte came in time: %w", os.ErrDeadlineExceeded)

// orStalled returns errStalled if the stall timer ended ctx, otherwise err.
func orStalled(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == errStalled { //nolint:errorlint // it is our own, unwrapped
		return errStalled
	}
	return err
}

// readFull fills p. w limits each read. At the end of body it returns io.EOF with the bytes before
// it.
func readFull(body io.Reader, p []byte, w *readTimer) (int, error) {
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

// finish checks that all bytes were emitted, and that they are right. Its error is not fatal if
// there is more to read.
func (r *run) finish(ctx context.Context) error {
	if r.storedSum != "" && r.storedSum == s3wire.CRC64NVME(r.crc) {
		return nil
	}
	if !r.lengthConfirmed {
		if err := r.confirmLength(ctx); err != nil {
			return err
		}
	}
	switch {
	case r.pos < r.end:
		r.bodyEnded = false
		return fmt.Errorf("the reply ends before byte %d: %w", r.end, brokenOff(io.ErrUnexpectedEOF))
	case r.pos > r.end:
		return fatal{fmt.Errorf("%w: %d bytes came of an object of %d", ErrBadReply, r.pos, r.end)}
	case r.storedSum != "":
		return fatal{fmt.Errorf("%w: CRC64NVME %s, not %s",
			ErrChecksum, s3wire.CRC64NVME(r.crc), printable.Text(r.storedSum))}
	}
	return nil
}
