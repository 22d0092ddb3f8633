package source_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/internal/apart"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The resource is closed once, however the run ends, with a context that is not cancelled.
func TestResourceIsClosed(t *testing.T) {
	for name, end := range map[string]struct {
		next func(cancel func()) (ok bool, err error)
		emit func() error
		want error
	}{
		"complete": {next: func(func()) (bool, error) { return false, nil }},
		"next":     {next: func(func()) (bool, error) { return false, errTest }, want: errTest},
		"emit":     {emit: func() error { return errTest }, want: errTest},
		"cancelled": {next: func(cancel func()) (bool, error) {
			cancel()
			return true, nil
		}, emit: func() error { return nil }, want: errTest},
		"panic":  {emit: func() error { panic(errTest) }, want: errTest},
		"goexit": {emit: func() error { runtime.Goexit(); return nil }},
	} {
		for _, failing := range []bool{false, true} {
			closed := 0
			ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "kept"))
			src := source.Resource(func(context.Context) (string, error) { return "it", nil },
				func(string, context.Context) (v int, ok bool, err error) {
					if end.next == nil {
						return 1, true, nil
					}
					ok, err = end.next(func() { cancel(errTest) })
					return 1, ok, err
				},
				func(r string, ctx context.Context) error {
					closed++
					if ctx.Err() != nil || ctx.Value(key{}) != "kept" || r != "it" {
						t.Errorf("%s: closed with %v, %v, %v", name, ctx.Err(), ctx.Value(key{}), r)
					}
					if failing {
						return errOther
					}
					return nil
				})
			err := apart.Run(func() error { return src.Each(ctx, func(int) error { return end.emit() }) })
			if closed != 1 {
				t.Errorf("%s: closed %d times", name, closed)
			}
			if end.want != nil && !errors.Is(err, end.want) {
				t.Errorf("%s: %v", name, err)
			}
			if joined := name != "panic" && name != "goexit" && failing; errors.Is(err, errOther) != joined {
				t.Errorf("%s: the error of closing: %v", name, err)
			}
			if !failing && name != "goexit" && err != end.want {
				t.Errorf("%s: not as it is: %v", name, err)
			}
			cancel(nil)
		}
	}
}

type key struct{}

// An early end is not an error of the resource, but an error of its close is returned.
func TestResourceEarlyEnd(t *testing.T) {
	for _, want := range []error{nil, errOther} {
		src := source.Resource(func(context.Context) (int, error) { return 0, nil },
			func(int, context.Context) (int, bool, error) { return 1, true, nil },
			func(int, context.Context) error { return want })
		if got, err := stream.Run(t.Context(), src, sink.First[int]()); !errors.Is(err, want) || want == nil &&
			got != 1 {
			t.Error(got, err)
		}
	}
}

// A slow close is cut only if the run was cancelled, and then within a second.
func TestResourceSlowClose(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			src := source.Resource(func(context.Context) (int, error) { return 0, nil },
				func(int, context.Context) (int, bool, error) { return 0, false, nil },
				func(_ int, ctx context.Context) error {
					if cancelled {
						time.AfterFunc(time.Minute, func() { cancel(errTest) })
					}
					select {
					case <-ctx.Done():
						return context.Cause(ctx)
					case <-time.After(time.Hour):
						return nil
					}
				})
			began := time.Now()
			err := src.Each(ctx, func(int) error { return nil })
			took := time.Since(began)
			switch {
			case !cancelled && (err != nil || took != time.Hour):
				t.Error(err, took)
			case cancelled && (err == nil || took < time.Minute || took >= time.Minute+time.Second):
				t.Error(err, took)
			}
		})
	}
}
