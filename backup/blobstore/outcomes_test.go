package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/blobstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// coded is an error of a driver.
type coded gcerrors.ErrorCode

func (c coded) Error() string { return gcerrors.ErrorCode(c).String() }

const (
	lost     = coded(gcerrors.Unknown)
	exists   = coded(gcerrors.FailedPrecondition)
	denied   = coded(gcerrors.PermissionDenied)
	notFound = coded(gcerrors.NotFound)
	internal = coded(gcerrors.Internal)
)

// errClosed is what a driver returns if the server closes the connection. gocloud.dev does not wrap it.
var errClosed = fmt.Errorf("get: %w", io.EOF)

// scripted is a driver of a bucket with one object.
type scripted struct {
	driver.Bucket
	write  error // of the Close of a writer
	begin  error // of the first Write of a writer
	stores bool  // the writer stores the object although its Close fails
	look   error // of Attributes
	read   error // of a reader
	list   error
	delete error
	short  bool // a reader ends early, and a lost write too

	content  []byte // nil for no object
	metadata map[string]string
}

func (s *scripted) Close() error { return nil }

func (s *scripted) ErrorCode(err error) gcerrors.ErrorCode {
	if c, ok := err.(coded); ok { //nolint:errorlint // as it was returned
		return gcerrors.ErrorCode(c)
	}
	return gcerrors.Unknown
}

func (s *scripted) Delete(context.Context, string, *driver.DeleteOptions) error { return s.delete }

func (s *scripted) Attributes(context.Context, string) (*driver.Attributes, error) {
	switch {
	case s.look != nil:
		return nil, s.look
	case s.content == nil:
		return nil, notFound
	}
	return &driver.Attributes{Size: int64(len(s.content)), Metadata: s.metadata}, nil
}

func (s *scripted) ListPaged(context.Context, *driver.ListOptions) (*driver.ListPage, error) {
	if s.list != nil || s.content == nil {
		return new(driver.ListPage), s.list
	}
	return &driver.ListPage{Objects: []*driver.ListObject{{Key: "a", Size: int64(len(s.content))}}}, nil
}

func (s *scripted) NewRangeReader(
	_ context.Context, _ string, _, _ int64, _ *driver.ReaderOptions,
) (driver.Reader, error) {
	if s.read != nil {
		return nil, s.read
	}
	body := s.content
	if s.short {
		body = body[:len(body)-1]
	}
	return &reader{io.NopCloser(bytes.NewReader(body)), int64(len(s.content))}, nil
}

type reader struct {
	io.ReadCloser
	size int64
}

func (r *reader) Attributes() *driver.ReaderAttributes { return &driver.ReaderAttributes{Size: r.size} }
func (r *reader) As(any) bool                          { return false }

func (s *scripted) NewTypedWriter(
	_ context.Context, _, _ string, opts *driver.WriterOptions,
) (driver.Writer, error) {
	return &writer{s: s, metadata: maps.Clone(opts.Metadata)}, nil
}

type writer struct {
	bytes.Buffer
	s        *scripted
	metadata map[string]string
}

func (w *writer) Write(p []byte) (int, error) {
	if w.s.begin != nil {
		return 0, w.s.begin
	}
	return w.Buffer.Write(p)
}

func (w *writer) Close() error {
	if w.s.begin != nil {
		return w.s.begin
	}
	if w.s.write == nil || w.s.stores {
		w.s.content, w.s.metadata = w.Bytes(), w.metadata
		if w.s.short {
			w.s.content = w.s.content[1:]
		}
	}
	return w.s.write
}

// After a failed write, Put looks at the object to find the outcome.
func TestPutOutcomes(t *testing.T) {
	another := []byte("another's")
	for name, test := range map[string]struct {
		bucket scripted
		want   error // nil with class Unclassified is success
		class  stream.Class
	}{
		"stored":                     {scripted{}, nil, stream.Unclassified},
		"a lost reply, stored":       {scripted{write: lost, stores: true}, nil, stream.Unclassified},
		"a repeated request, stored": {scripted{write: exists, stores: true}, nil, stream.Unclassified},
		"a lost reply, damaged":      {scripted{write: lost, stores: true, short: true}, lost, stream.Fatal},
		"another's object":           {scripted{write: exists, content: another}, backup.ErrExists, stream.Fatal},
		"a lost reply, another's":    {scripted{write: lost, content: another}, backup.ErrExists, stream.Fatal},
		"a lost reply, no object":    {scripted{write: lost}, blobstore.ErrOutcomeUnknown, stream.UnknownOutcome},
		"a lost reply, and then none": {
			scripted{write: lost, look: lost},
			blobstore.ErrOutcomeUnknown,
			stream.UnknownOutcome,
		},
		"refused, and then no reply": {
			scripted{write: exists, look: lost},
			blobstore.ErrOutcomeUnknown,
			stream.UnknownOutcome,
		},
		"refused, and then no object": {scripted{write: exists}, lost, stream.Retryable},
		"not found":                   {scripted{write: notFound}, blobstore.ErrOutcomeUnknown, stream.UnknownOutcome},
		"a lost host name": {
			scripted{write: notFound, stores: true, look: notFound, list: notFound},
			blobstore.ErrOutcomeUnknown, stream.UnknownOutcome,
		},
		"not allowed, and the look neither": {
			scripted{write: denied, stores: true, look: notFound, list: notFound}, denied, stream.UnknownOutcome,
		},
		"not allowed, in the list": {
			scripted{write: denied, stores: true, look: notFound}, denied, stream.UnknownOutcome,
		},
		"refused, and the look not allowed": {
			scripted{write: exists, stores: true, look: notFound, list: notFound},
			blobstore.ErrOutcomeUnknown, stream.UnknownOutcome,
		},
		"refused, no list": {
			scripted{write: exists, stores: true, look: notFound, list: errClosed},
			blobstore.ErrOutcomeUnknown, stream.UnknownOutcome,
		},
		"lost before the end":           {scripted{begin: lost}, lost, stream.Retryable},
		"lost before the end, no reply": {scripted{begin: lost, look: lost}, lost, stream.Retryable},
		"not allowed to begin":          {scripted{begin: denied, look: denied}, denied, stream.Fatal},
		"exists at the beginning":       {scripted{begin: exists, content: another}, backup.ErrExists, stream.Fatal},
		"not allowed":                   {scripted{write: denied}, denied, stream.Fatal},
		"not allowed, no reply to see":  {scripted{write: denied, look: denied}, denied, stream.UnknownOutcome},
	} {
		bucket := blob.NewBucket(&test.bucket)
		store := blobstore.New(bucket, nil)
		_, err := stream.Run(t.Context(), source.Of([]byte("ours")), store.Put("a", nil))
		ok := errors.Is(err, test.want)
		switch test.want { //nolint:errorlint // the table's own
		case denied:
			ok = gcerrors.Code(err) == gcerrors.PermissionDenied
		case lost:
			ok = err != nil
		}
		if !ok || stream.ClassOf(err) != test.class {
			t.Errorf("%s: %v of the class %v, want %v of the class %v", name, err, stream.ClassOf(err), test.want,
				test.class)
		}
		_ = bucket.Close()
	}
}

// A store keeps nothing of its caller's options.
func TestCallersOptions(t *testing.T) {
	script := &scripted{}
	bucket := blob.NewBucket(script)
	defer bucket.Close() //nolint:errcheck // of the script
	metadata := map[string]string{"origin": "orders"}
	store := blobstore.New(bucket, &blobstore.Options{Writer: blob.WriterOptions{Metadata: metadata}})
	clear(metadata)
	_, err := stream.Run(t.Context(), source.Of([]byte("ours")), store.Put("a", nil))
	if err != nil || script.metadata["origin"] != "orders" {
		t.Errorf("%v, %v", script.metadata, err)
	}
}

// A missing right or bucket is not a missing object, and a short reply is not an object.
func TestGetOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		bucket  scripted
		missing bool
	}{
		"missing":                 {scripted{read: notFound}, true},
		"in the list":             {scripted{read: notFound, content: []byte("x")}, false},
		"no list":                 {scripted{read: notFound, list: notFound}, false},
		"a list that breaks off":  {scripted{read: notFound, list: errClosed}, false},
		"a reply that ends early": {scripted{content: []byte("xyz"), short: true}, false},
	} {
		bucket := blob.NewBucket(&test.bucket)
		_, err := stream.Run(t.Context(), blobstore.New(bucket, nil).Get("a", nil), sink.Discard[[]byte]())
		if err == nil || errors.Is(err, backup.ErrNotFound) != test.missing {
			t.Errorf("%s: %v", name, err)
		}
		_, err = stream.Run(t.Context(), blobstore.New(bucket, nil).Get("a", &backup.GetOptions{Length: 3}),
			sink.Discard[[]byte]())
		if err == nil || errors.Is(err, backup.ErrNotFound) != test.missing {
			t.Errorf("%s, of a range: %v", name, err)
		}
		_ = bucket.Close()
	}
}
