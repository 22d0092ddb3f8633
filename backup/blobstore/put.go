package blobstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/upstream"
	"github.com/millweir/millweir/stream"
)

// metadataToken is the metadata key of the random token that a Put gives its object, to recognize
// it.
const metadataToken = "millweirtoken"

// ErrOutcomeUnknown reports a Put that may or may not have stored its object.
var ErrOutcomeUnknown = stream.Mark(errors.New("whether the object was stored is unknown"), stream.UnknownOutcome)

var (
	errDamaged = stream.Mark(errors.New("the object is stored, but damaged"), stream.Fatal)

	// errGone means that an object was deleted since, or that a service, such as Azurite, counts
	// the blocks of an unfinished one.
	errGone = stream.Mark(errors.New("refused because of an object that is not there"), stream.Retryable)
)

// Put implements [backup.Store]. It holds the buffers of the driver's writer.
func (s *Store) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	protect := opts != nil && !opts.RetainUntil.IsZero()
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (none backup.Object, _ error) {
			if err := s.check(key); err != nil {
				return none, err
			}
			if protect {
				return none, failed("put", key, backup.ErrNoHold)
			}
			p := &put{store: s, key: key, token: rand.Text()}
			if err := p.run(ctx, src); err != nil {
				return none, err
			}
			return backup.Object{Key: key, Size: p.size}, nil
		})
}

// put is one run of a Put.
type put struct {
	store *Store
	key   string
	token string
	size  int64 // bytes so far
	ended bool  // the service was asked to store the object; before, there is none
}

func (p *put) run(ctx context.Context, src stream.Source[[]byte]) error {
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	opts := p.store.writer
	opts.Metadata = maps.Clone(opts.Metadata)
	if opts.Metadata == nil {
		opts.Metadata = map[string]string{}
	}
	opts.Metadata[metadataToken] = p.token
	w, err := p.store.bucket.NewWriter(writing, p.key, &opts)
	if err != nil {
		return failed("put", p.key, err)
	}
	defer func() {
		if !p.ended { // a failure, a panic or runtime.Goexit: Close must store nothing
			cancel()
			_ = w.Close()
		}
	}()
	watched := upstream.Watch(src)
	err = watched.Each(ctx, func(chunk []byte) error { return p.write(w, chunk) })
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case watched.Err != nil, err != nil && ctx.Err() != nil:
		return ending.Cause(ctx, err)
	case err == nil:
		p.ended = true
		err = w.Close()
	}
	if err != nil {
		return p.settle(ctx, err)
	}
	return nil
}

func (p *put) write(w *blob.Writer, chunk []byte) error {
	n, err := w.Write(chunk)
	p.size += int64(n)
	return err
}

// settle returns the outcome of a write that failed with err. The object at the key decides it, if
// there is one. Without one, the service may still be storing it, and so it may after a refusal: the
// driver may have repeated a request whose reply was lost.
func (p *put) settle(ctx context.Context, err error) error {
	looking, release := ending.Outlive(ctx)
	defer release()
	found, look := p.store.bucket.Attributes(looking, p.key)
	if look != nil {
		look = p.store.notFound(looking, p.key, look)
	}
	missing := look == backup.ErrNotFound //nolint:errorlint // as notFound returns it
	switch {
	case look == nil && found.Metadata[metadataToken] != p.token:
		return failed("put", p.key, backup.ErrExists)
	case missing && gcerrors.Code(err) == gcerrors.FailedPrecondition:
		return failed("put", p.key, fmt.Errorf("%w: %w", errGone, err))
	case look == nil && found.Size != p.size:
		return failed("put", p.key, fmt.Errorf("%w: it has %d bytes of %d", errDamaged, found.Size, p.size))
	case look == nil:
		return nil
	case !p.ended:
		return failed("put", p.key, err)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case missing && refused(err):
		return failed("put", p.key, err)
	}
	return failed("put", p.key, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
}
