package s3sink

import (
	"context"
	"errors"

	"github.com/millweir/millweir/stream"
)

// run is the state of one upload. It belongs to the caller's goroutine, except parts, begun and
// upload.
type run struct {
	*requests
	cutter  cutter
	token   string    // the write token
	sending bool      // the senders have been started
	emitErr error     // the error that emit returned
	parts   chan part // on their way to the senders

	upload *multipart    // nil until begun is closed, unless it is resumed
	begun  chan struct{} // closed when the upload has begun
}

func newRun(s *settings) *run {
	return &run{
		requests: newRequests(s),
		cutter:   cutter{settings: s},
		token:    newWriteToken(),
		parts:    make(chan part),
		begun:    make(chan struct{}),
	}
}

// upload stores src. The stream is cut into parts; the first one waits until more bytes follow.
// A stream of one part becomes a PutObject, a longer one a multipart upload.
func (s *settings) upload(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
	r := newRun(s)
	if s.opts.Resume != nil {
		r.token = s.opts.Resume.WriteToken
	}
	r.cutter.pool.account = stream.OpenAccount(ctx, s.need())
	defer r.cutter.pool.account.Close()
	returned := false
	defer func() {
		if !returned && !s.opts.KeepUpload { // a panic or runtime.Goexit: clean up first
			_ = r.upload.abort(ctx)
		}
	}()
	obj, err := r.store(ctx, src)
	returned = true
	return obj, err
}

func (r *run) store(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
	if r.opts.Resume != nil {
		r.upload = &multipart{requests: r.requests, id: r.opts.Resume.UploadID, token: r.token}
	}
	if err := r.ifAbsent(ctx); err != nil {
		return Object{}, r.upload.withAbort(ctx, err)
	}
	if r.opts.Resume != nil {
		if err := r.resume(ctx); err != nil {
			return Object{}, r.upload.withAbort(ctx, err)
		}
	}
	g, gctx := stream.NewGroup(ctx)
	send := func() error {
		if !r.sending {
			r.start(ctx, gctx, g)
		}
		return r.send(gctx)
	}
	err := g.Do(func() error { return r.fill(gctx, src, send) })
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Object{}, r.upload.withAbort(ctx, err)
	}
	object, err := r.finish(ctx)
	if err != nil {
		return Object{}, err
	}
	return object, r.confirmLock(ctx, object)
}

// finish stores the object by the last request.
func (r *run) finish(ctx context.Context) (Object, error) {
	switch {
	case r.upload == nil:
		return r.put(ctx)
	case r.upload.gone:
		return r.finishGone(ctx)
	}
	return r.complete(ctx)
}

// ifAbsent returns ErrExists if IfAbsent is set and the key has an object. It ignores a failed
// HEAD, and a reply that does not show an object, because the last request carries the condition as
// well.
func (r *run) ifAbsent(ctx context.Context) error {
	if !r.opts.IfAbsent {
		return nil
	}
	switch out, err := r.head(ctx, ""); {
	case err != nil, !showsObject(out):
	case r.opts.Resume != nil && writeTokenIn(out.Metadata) == r.token: // the first run has completed it
	default:
		return r.failed("upload", ErrExists)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// fill reads src and sends the full parts.
func (r *run) fill(ctx context.Context, src stream.Source[[]byte], send func() error) error {
	err := stream.EachLent(ctx, src, func(p []byte) error { // write copies p into a part
		if r.emitErr == nil {
			r.emitErr = r.write(ctx, p, send)
		}
		return r.emitErr
	})
	if err == nil {
		err = r.emitErr // a source may ignore the error, and end as if the object were whole
	}
	rest := r.cutter.part.body.size > 0 || r.cutter.count == 0 // an upload has at least one part
	multi := r.sending || r.upload != nil                      // or resumed
	if err == nil && (multi && rest || !multi && r.encrypts()) {
		err = send()
	}
	if err == nil {
		close(r.parts)
	}
	return err
}

func (r *run) write(ctx context.Context, p []byte, send func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := r.cutter.write(ctx, p, send)
	if errors.Is(err, ErrTooLarge) {
		return r.failed("upload", err)
	}
	return err
}

// start begins the upload, unless it is resumed, and starts the senders. More parts are filled
// while the upload begins. If the source fails meanwhile, which ends group, the request is still
// answered: without its reply the upload could not be aborted.
func (r *run) start(ctx, group context.Context, g *stream.Group) {
	r.sending = true
	if r.upload != nil {
		close(r.begun)
	} else {
		if r.cutter.total == 0 {
			r.inUse.Store(int64(ChecksumNone)) // MinIO rejects the checksum of a single empty part
		}
		g.Go(func() error {
			upload, err := r.create(ctx, group, r.token)
			if err == nil {
				r.upload = upload
				close(r.begun)
			}
			return err
		})
	}
	for range r.opts.Parallelism {
		g.Go(func() error { return r.sender(group) })
	}
}

// send hands the part being filled to the senders. While they are busy, it computes the checksum
// that a sender would compute.
func (r *run) send(ctx context.Context) error {
	p := r.cutter.take()
	select {
	case r.parts <- p:
		return nil
	default:
		p.addChecksum(r.algorithm())
	}
	select {
	case r.parts <- p:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sender sends parts until all are sent or ctx is done.
func (r *run) sender(ctx context.Context) error {
	for {
		select {
		case p, ok := <-r.parts:
			if !ok {
				return nil
			}
			p.addChecksum(r.algorithm())
			if !r.waitBegun(ctx) {
				return nil
			}
			if err := r.upload.send(ctx, p); err != nil {
				return err
			}
			r.cutter.pool.put(p.body)
		case <-ctx.Done():
			return nil
		}
	}
}

// waitBegun waits until the upload has begun. It reports whether parts may be sent.
func (r *run) waitBegun(ctx context.Context) bool {
	select {
	case <-r.begun:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
