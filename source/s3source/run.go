package s3source

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/stream"
)

// run is one passage through an object.
type run struct {
	*download
	pos  int64  // of the next byte to emit, in the object
	end  int64  // where the run ends, -1 while that is not known
	sure bool   // whether end was told by more than the length of a body, which may have been cut
	etag string // of the first reply, or what that must have; "" where it is not known
	some bool   // whether there was a reply
	over bool   // whether the last reply came to its end; what is left to do is the proof
	sum  string // the object's CRC64NVME; "" where there is none or it cannot be checked
	crc  uint64 // of what was emitted
	idle int    // replies in a row that gave no byte, or fewer than were owed
	owed int64  // bytes that come at MinRate in the pause before the last request
	pace pace
}

// whole tells whether the run is to emit all of the object.
func (r *run) whole() bool { return r.opts.Offset == 0 && r.opts.Length == 0 }

// fatal is an error that another request would not mend.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// each makes one request after another until all has come, or asking again is of no use.
func (r *run) each(ctx context.Context, emit func([]byte) error) error {
	var down error // what emit returned
	for {
		from := r.pos
		var err error
		if !r.over {
			err = r.reply(ctx, func(p []byte) error {
				down = emit(p)
				return down
			})
			r.over = err == nil
		}
		if r.over {
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
		case r.pos-from > r.owed: // a byte a request would go on for ever
			r.idle = 0
		}
		if r.idle >= r.opts.Retries || r.pace.missed > r.opts.Retries {
			return r.failed(err)
		}
		r.idle++
		wait := backoff(r.idle)
		r.owed = worth(r.opts.MinRate, wait)
		if r.opts.OnRetry != nil {
			r.opts.OnRetry(r.failed(err), wait)
		}
		if !sleep(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

// failed returns err as this package reports it.
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

// sleep waits for d; it returns false if ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reply makes one request and emits what it brings. It returns nil where the reply came to its end.
func (r *run) reply(ctx context.Context, emit func([]byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	timer := time.AfterFunc(r.opts.StallTimeout, func() { cancel(errStalled) })
	defer timer.Stop()
	body, upto, err := r.open(ctx)
	timer.Stop()
	if err != nil {
		return stalled(ctx, err)
	}
	defer body.Close()               //nolint:errcheck // it was read, or is given up
	r.pace.add(time.Since(begin), 0) // a refusal is none of it: it counts among the Retries
	w := &watch{pace: &r.pace, stall: r.opts.StallTimeout, timer: timer}
	for upto < 0 || r.pos < upto {
		if ctx.Err() != nil { // what is buffered would still be read
			return r.late(ctx, w, context.Cause(ctx))
		}
		n := int64(r.opts.ChunkSize)
		if upto >= 0 {
			n = min(n, upto-r.pos)
		}
		chunk := make([]byte, n)
		got, err := readFull(body, chunk, w)
		if got > 0 {
			chunk = chunk[:got:got]
			if r.sum != "" {
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
			return r.late(ctx, w, brokenOff(err))
		}
	}
	return nil
}

// late returns the reason why a read of a body ended with err.
func (r *run) late(ctx context.Context, w *watch, err error) error {
	if err = stalled(ctx, err); err == errStalled && w.slow { //nolint:errorlint // it is our own, unwrapped
		return r.pace.miss()
	}
	return err
}

// brokenOff returns err, with which a body ended too early: another reply may bring the rest.
func brokenOff(err error) error { return stream.Mark(s3fault.Report(err), stream.Retryable) }

var errStalled = fmt.Errorf("no byte came in time: %w", os.ErrDeadlineExceeded)

// stalled returns the reason why a read ended with err.
func stalled(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == errStalled { //nolint:errorlint // it is our own, unwrapped
		return errStalled
	}
	return err
}

// readFull fills p, each read watched by w. It returns io.EOF where body ends, as well as what came before.
func readFull(body io.Reader, p []byte, w *watch) (int, error) {
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

// finish checks that what was emitted is all, and right. It returns an error that is not fatal where there is more to read.
func (r *run) finish(ctx context.Context) error {
	if r.sum != "" && r.sum == crcText(r.crc) {
		return nil
	}
	if !r.sure {
		if err := r.measure(ctx); err != nil {
			return err
		}
	}
	switch {
	case r.pos < r.end:
		r.over = false
		return fmt.Errorf("the reply ends before byte %d: %w", r.end, brokenOff(io.ErrUnexpectedEOF))
	case r.pos > r.end:
		return fatal{fmt.Errorf("%w: %d bytes came of an object of %d", ErrBadReply, r.pos, r.end)}
	case r.sum != "":
		return fatal{fmt.Errorf("%w: CRC64NVME %s, not %s", ErrChecksum, crcText(r.crc), printable.Text(r.sum))}
	}
	return nil
}

// crcText returns crc as S3 writes a CRC64NVME.
func crcText(crc uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc))
}
