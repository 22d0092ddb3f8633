package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millweir/millweir/stream"
)

// InitOptions tunes [Init]. The zero value is ready to use.
type InitOptions struct {
	// Plain makes a repository without encryption. Whoever reads the store reads the data.
	Plain bool
}

// Init makes a repository in an empty store. If it fails or is killed, repeat it: it goes on with
// what the first one left.
//
// Before it stores anything it runs the store's Check, if the store is a [Checker]. With the first
// object it proves that the store replaces no object, and that objects can be read and listed.
// Otherwise the error is [ErrUnfit], and the object is deleted.
func Init(ctx context.Context, store Store, keys Keys, opts *InitOptions) (*Repository, error) {
	r := &Repository{store: store, keys: keys.clone()}
	plain := opts != nil && opts.Plain
	if len(keys.Recipients) == 0 && !plain {
		return nil, failed("init", ErrNoRecipients)
	}
	if err := r.checkSigns(ctx); err != nil {
		return nil, failed("init", err)
	}
	if err := r.checkEmpty(ctx); err != nil {
		return nil, failed("init", err)
	}
	if err := checkStore(ctx, store); err != nil {
		return nil, failed("init", err)
	}
	if err := r.loadOrCreate(ctx, plain); err != nil {
		return nil, failed("init", err)
	}
	if !plain {
		if err := r.newEpoch(ctx); err != nil { // it completes the repository
			return nil, failed("init", err)
		}
	}
	return r, nil
}

// checkEmpty returns an error if the store has an object that an unfinished Init does not leave.
func (r *Repository) checkEmpty(ctx context.Context) error {
	epochs, _, err := r.epochs(ctx)
	switch {
	case err != nil:
		return err
	case len(epochs) > 0:
		return fmt.Errorf("%w: it has a repository already", ErrNotEmpty)
	}
	found, err := first(ctx, stream.Via(r.store.List(""), stream.Filter(func(o Object) bool {
		return !strings.HasPrefix(o.Key, epochsPrefix) && !strings.HasPrefix(o.Key, repositoryKey)
	})))
	if err == nil && found != nil {
		err = fmt.Errorf("%w: it has %s: choose another prefix or directory", ErrNotEmpty, found.Key)
	}
	return err
}

// loadOrCreate continues with the repository that an unfinished Init left, or begins one.
func (r *Repository) loadOrCreate(ctx context.Context, plain bool) error {
	err := r.load(ctx)
	switch {
	case err == nil && r.plain != plain:
		return fmt.Errorf("%w: it has a repository already, with another encryption", ErrNotEmpty)
	case err == nil:
		if err := r.proveAgain(ctx); err != nil {
			return err
		}
		return r.sign(ctx)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	r.id, r.plain = randomHex(16), plain
	content, err := json.Marshal(repositoryFile{
		Kind: repositoryKind, Format: format, Reader: format, ID: r.id, Created: r.now().UTC().Truncate(time.Second),
		Encrypted: !plain,
	})
	if err != nil {
		return err
	}
	if err := putProven(ctx, r.store, repositoryKey, append(content, '\n')); err != nil {
		return err
	}
	return r.sign(ctx)
}

// proveAgain proves the store with the first object of an unfinished Init, which may have been
// killed before it did so.
func (r *Repository) proveAgain(ctx context.Context) error {
	content, err := get(ctx, r.store, repositoryKey)
	if err != nil {
		return err
	}
	return proveStore(ctx, r.store, repositoryKey, content)
}

// sign signs the repository itself, unless it is signed. A plain repository is complete then.
func (r *Repository) sign(ctx context.Context) error {
	if r.keys.Sign == nil {
		return nil
	}
	err := r.checkSigned(ctx, repositoryKey, repositoryKind)
	if !errors.Is(err, ErrUnsigned) {
		if err == nil && r.plain {
			return fmt.Errorf("%w: it has a repository already", ErrNotEmpty)
		}
		return err
	}
	content, err := get(ctx, r.store, repositoryKey)
	if err != nil {
		return err
	}
	return r.putSignature(ctx, repositoryKey, content, repositoryKind)
}
