package s3sink

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"

	"github.com/millweir/millweir/stream"
)

// run is one upload under way.
type run struct {
	*settings
	hooks hooks

	// Of the caller's goroutine.
	buf      []byte    // the part being filled
	crc      uint64    // CRC64NVME of buf
	sent     int       // parts handed to the senders
	total    int64     // bytes, buf included
	sum      uint64    // CRC of the parts that were sent
	err      error     // what emit returned
	sealed   bool      // the service has said that it encrypts as it was asked to
	token    string    // in the object's metadata
	begun    time.Time // when the multipart upload began, by the service's clock; zero if it did not say
	answered bool      // the service has answered a request of this run
	id       string    // of the multipart upload; "" before there is one, and when nothing is left to abort

	jobs chan fullPart
	free chan []byte

	mu   sync.Mutex
	done []types.CompletedPart // by part number
	late bool                  // a part got no reply: what came of it may reach the upload yet
	sums bool                  // the service has answered a part with its checksum
}

// fullPart is a full buffer on its way.
type fullPart struct {
	n    int // from 1
	body []byte
	crc  uint64
}

// firstBuffer is what a stream takes at least; a small one takes no more.
const firstBuffer = 64 << 10

func (s *settings) upload(ctx context.Context, src stream.Source[[]byte]) (obj Object, err error) {
	r := &run{
		settings: s,
		token:    newToken(),
		hooks:    hooks{onPart: s.opts.OnPart, onRetry: s.opts.OnRetry},
		jobs:     make(chan fullPart),
		free:     make(chan []byte, s.opts.Parallelism+1),
	}
	returned := false
	defer func() {
		if !returned { // a panic, or runtime.Goexit: it goes on once nothing is left behind
			_ = r.abort(ctx)
		}
	}()
	if err := r.ifAbsent(ctx); err != nil {
		return Object{}, err
	}
	g, gctx := stream.NewGroup(ctx)
	err = g.Do(func() error { return r.fill(gctx, g, src) })
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case err != nil:
		err = r.withAbort(ctx, err)
	case r.id == "":
		if obj, err = r.put(ctx); err == nil {
			r.hooks.part(Part{Number: 1, Size: obj.Size, ETag: obj.ETag, Checksum: obj.Checksum})
		}
	default:
		obj, err = r.complete(ctx)
	}
	returned = true
	return obj, err
}

// fill runs src and hands the full parts to the senders.
func (r *run) fill(ctx context.Context, g *stream.Group, src stream.Source[[]byte]) error {
	err := stream.EachLent(ctx, src, func(p []byte) error { // they are copied into a part
		if r.err == nil {
			r.err = r.write(ctx, g, p)
		}
		return r.err
	})
	if err == nil {
		err = r.err // a source that swallowed it would make a short object look whole
	}
	switch {
	case err != nil:
	case r.id == "" && r.opts.ServerSideEncryption != "": // the answers to it are to come before the object, also an empty one
		if r.total == 0 {
			r.unchecked()
		}
		err = r.begin(ctx, g)
	case r.id != "" && len(r.buf) > 0:
		err = r.send(ctx)
	}
	if err == nil {
		close(r.jobs)
	}
	return err
}

func (r *run) write(ctx context.Context, g *stream.Group, p []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for len(p) > 0 {
		size := r.partSize(r.sent + 1)
		if len(r.buf) == size { // only the first part waits until it is known that another follows
			if err := r.begin(ctx, g); err != nil {
				return err
			}
			continue
		}
		n := min(len(p), size-len(r.buf))
		if err := r.reserve(n, size); err != nil {
			return err
		}
		r.buf = append(r.buf, p[:n]...)
		r.crc = crc64nvme.Update(r.crc, p[:n])
		r.total += int64(n)
		p = p[n:]
		if len(r.buf) == size && r.id != "" {
			if err := r.send(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// unchecked has an empty multipart upload do without checksums: MinIO takes that of a single empty part for damage. There is nothing to
// damage, and the object's length is looked at.
func (r *run) unchecked() {
	s := *r.settings
	s.opts.Checksum = ChecksumNone
	r.settings = &s
}

// begin makes this a multipart upload, of which the first part is full.
func (r *run) begin(ctx context.Context, g *stream.Group) error {
	if err := r.create(ctx); err != nil {
		return err
	}
	for range r.opts.Parallelism {
		g.Go(func() error { return r.sender(ctx) })
	}
	return r.send(ctx)
}

// reserve makes room for n more bytes of a part of size bytes.
func (r *run) reserve(n, size int) error {
	if len(r.buf)+n <= cap(r.buf) {
		return nil
	}
	if r.id == "" { // the first part: it may well be a short one
		grown := make([]byte, len(r.buf), min(size, max(firstBuffer, 4*cap(r.buf), len(r.buf)+n)))
		copy(grown, r.buf)
		r.buf = grown
		return nil
	}
	if r.sent == r.limits.maxParts {
		return r.failed("upload", ErrTooLarge)
	}
	// Each sender gives its buffer back before it takes the next part. So at most Parallelism+1 are about: theirs and this.
	var b []byte
	select {
	case b = <-r.free:
	default:
	}
	if cap(b) < size {
		b = make([]byte, 0, size)
	}
	r.buf = b[:0]
	return nil
}

// send hands the part in buf to the senders.
func (r *run) send(ctx context.Context) error {
	p := fullPart{n: r.sent + 1, body: r.buf, crc: r.crc}
	select {
	case r.jobs <- p:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.sent++
	r.sum = crcJoin(r.sum, p.crc, int64(len(p.body)))
	r.buf, r.crc = nil, 0
	return nil
}

// sender sends parts until there are no more.
func (r *run) sender(ctx context.Context) error {
	for {
		select {
		case p, ok := <-r.jobs:
			if !ok {
				return nil
			}
			if err := r.uploadPart(ctx, p); err != nil {
				return err
			}
			r.free <- p.body
		case <-ctx.Done():
			return nil
		}
	}
}
