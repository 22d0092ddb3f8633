// Package early makes the contexts that a stage cancels when its downstream has had enough, and finds what is around them.
package early

import "context"

// scope is a context that a stage made for its upstream, and the one that the stage was given.
type scope struct {
	own, outer context.Context
	apart      bool // see Apart
}

type key struct{}

// WithCancel returns a context for the upstream of a stage, which the stage may cancel with an early end as the cause.
func WithCancel(outer context.Context) (context.Context, context.CancelCauseFunc) {
	return with(&scope{outer: outer})
}

// WithGroup is WithCancel for a stage whose upstream is apart, see [Apart].
func WithGroup(outer context.Context) (context.Context, context.CancelCauseFunc) {
	return with(&scope{outer: outer, apart: true})
}

func with(s *scope) (context.Context, context.CancelCauseFunc) {
	own, cancel := context.WithCancelCause(context.WithValue(s.outer, key{}, s))
	s.own = own
	return own, cancel
}

// Apart returns a context for the upstream of a stage that emits what it makes of an element at another time than while it takes
// it: it holds elements back, or its upstream runs on another goroutine.
func Apart(outer context.Context) context.Context {
	s := &scope{outer: outer, apart: true}
	s.own = context.WithValue(outer, key{}, s)
	return s.own
}

// IsApart reports whether there is a stage between outer, the context of a stage, and inner, a context that came from it, whose
// upstream is apart.
func IsApart(inner, outer context.Context) bool {
	end, _ := outer.Value(key{}).(*scope)
	for s, _ := inner.Value(key{}).(*scope); s != nil && s != end; s, _ = s.outer.Value(key{}).(*scope) {
		if s.apart {
			return true
		}
	}
	return false
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
