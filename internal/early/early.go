// Package early makes the contexts that a stage cancels when its downstream has had enough, and finds what is around them.
package early

import "context"

// scope is a context that a stage can end early, and the one that the stage was given.
type scope struct{ own, outer context.Context }

type key struct{}

// WithCancel returns a context for the upstream of a stage, which the stage may cancel with an early end as the cause.
func WithCancel(outer context.Context) (context.Context, context.CancelCauseFunc) {
	s := &scope{outer: outer}
	own, cancel := context.WithCancelCause(context.WithValue(outer, key{}, s))
	s.own = own
	return own, cancel
}

// Around returns the next context outwards of ctx, or nil when ctx is in none that a stage can end early.
func Around(ctx context.Context) context.Context {
	s, ok := ctx.Value(key{}).(*scope)
	switch {
	case !ok:
		return nil
	case ctx == s.own:
		return s.outer
	}
	return s.own
}
