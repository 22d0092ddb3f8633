package s3sink

import (
	"context"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/millweir/millweir/stream"
)

// run is the state of one upload.
type run struct {
	*settings
	callbacks callbacks

	// These fields belong to the caller's goroutine.
	buf                 []byte    // the part being filled
	crc                 uint64    // CRC64NVME of buf
	partCount           int       // parts handed to the senders
	total               int64     // bytes, buf included
	sum                 uint64    // CRC of the parts that were sent
	emitErr             error     // the error that emit returned
	encryptionConfirmed bool      // the service has confirmed the requested encryption
	writeToken          string    // in the object's metadata
	startedAt           time.Time // when the multipart upload began, by the service's clock; zero if it did not say
	gotReply            bool      // the service has answered a request of this run
	uploadID            string    // of the multipart upload; "" if there is nothing to abort

	jobs chan fullPart
	free chan []byte

	parts partList
}

// fullPart is a full buffer on its way to a sender.
type fullPart struct {
	n    int // from 1
	body []byte
	crc  uint64
}

// firstBuffer is the first size in bytes of a stream's buffer.
const firstBuffer = 64 << 10

func (s *settings) upload(ctx context.Context, src stream.Source[[]byte]) (obj Object, err error) {
	r := &run{
		settings:   s,
		writeToken: newWriteToken(),
		callbacks:  callbacks{onPart: s.opts.OnPart, onRetry: s.opts.OnRetry},
		jobs:       make(chan fullPart),
		free:       make(chan []byte, s.opts.Parallelism+1),
	}
	returned := false
	defer func() {
		if !returned { // a panic or runtime.Goexit: clean up first
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
	case r.uploadID == "":
		if obj, err = r.put(ctx); err == nil {
			r.callbacks.part(Part{Number: 1, Size: obj.Size, ETag: obj.ETag, Checksum: obj.Checksum})
		}
	default:
		obj, err = r.complete(ctx)
	}
	returned = true
	return obj, err
}

// fill reads src and hands the full parts to the senders.
func (r *run) fill(ctx context.Context, g *stream.Group, src stream.Source[[]byte]) error {
	err := stream.EachLent(ctx, src, func(p []byte) error { // write copies p into a part
		if r.emitErr == nil {
			r.emitErr = r.write(ctx, g, p)
		}
		return r.emitErr
	})
	if err == nil {
		err = r.emitErr // a source may ignore the error, and end as if the object were whole
	}
	switch {
	case err != nil:
	case r.uploadID == "" && r.opts.ServerSideEncryption != "":
		// The service must confirm the encryption before there is an object, even an empty one.
		if r.total == 0 {
			r.disableChecksum()
		}
		err = r.begin(ctx, g)
	case r.uploadID != "" && len(r.buf) > 0:
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
		size := r.partSize(r.partCount + 1)
		if len(r.buf) == size { // only the first part waits here, until more bytes follow
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
		if len(r.buf) == size && r.uploadID != "" {
			if err := r.send(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// disableChecksum makes an empty multipart upload work without checksums: MinIO rejects the
// checksum of a single empty part. An empty object needs none, and its length is checked.
func (r *run) disableChecksum() {
	s := *r.settings
	s.opts.Checksum = ChecksumNone
	r.settings = &s
}

// begin creates the multipart upload, starts the senders and hands them the first part.
func (r *run) begin(ctx context.Context, g *stream.Group) error {
	if err := r.create(ctx); err != nil {
		return err
	}
	for range r.opts.Parallelism {
		g.Go(func() error { return r.sender(ctx) })
	}
	return r.send(ctx)
}

// reserve makes room for n more bytes in a part of size bytes.
func (r *run) reserve(n, size int) error {
	if len(r.buf)+n <= cap(r.buf) {
		return nil
	}
	if r.uploadID == "" { // the first part may be short
		grown := make([]byte, len(r.buf), min(size, max(firstBuffer, 4*cap(r.buf), len(r.buf)+n)))
		copy(grown, r.buf)
		r.buf = grown
		return nil
	}
	if r.partCount == r.limits.maxParts {
		return r.failed("upload", ErrTooLarge)
	}
	// Each sender returns its buffer before it takes the next part. So there are at most
	// Parallelism+1 buffers: one for each sender, and this one.
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
	p := fullPart{n: r.partCount + 1, body: r.buf, crc: r.crc}
	select {
	case r.jobs <- p:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.partCount++
	r.sum = crcJoin(r.sum, p.crc, int64(len(p.body)))
	r.buf, r.crc = nil, 0
	return nil
}

// sender sends parts until all are sent or ctx is done.
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
