// Package early makes the contexts that a stage cancels when its downstream needs no more elements,
// and finds the contexts around them.
package early

import "context"

// scope holds a context that a stage made for its upstream, and the context of the stage.
type scope struct {
	own, outer context.Context
	detached   bool // see Detached
}

type key struct{}

// WithCancel returns a context for the upstream of a stage. The stage may cancel it with an early
// end as the cause.
func WithCancel(outer context.Context) (context.Context, context.CancelCauseFunc) {
	return with(&scope{outer: outer})
}

// WithGroup is WithCancel for a stage with a detached upstream, as [Detached] defines.
func WithGroup(outer context.Context) (context.Context, context.CancelCauseFunc) {
	return with(&scope{outer: outer, detached: true})
}

func with(s *scope) (context.Context, context.CancelCauseFunc) {
	own, cancel := context.WithCancelCause(context.WithValue(s.outer, key{}, s))
	s.own = own
	return own, cancel
}

// Detached returns a context for the upstream of a stage that may take an element and emit the
// result later: the stage holds elements back, or its upstream runs on another goroutine. Such an
// upstream is detached.
func Detached(outer context.Context) context.Context {
	s := &scope{outer: outer, detached: true}
	s.own = context.WithValue(outer, key{}, s)
	return s.own
}

// IsDetached reports whether a stage between outer and inner has a detached upstream. outer is the
// context of a stage, and inner is derived from it.
func IsDetached(inner, outer context.Context) bool {
	end, _ := outer.Value(key{}).(*scope)
	for s, _ := inner.Value(key{}).(*scope); s != nil && s != end; s, _ = s.outer.Value(key{}).(*scope) {
		if s.detached {
			return true
		}
	}
	return false
}

// Around returns the next context outwards from ctx. It returns nil if no context around ctx can
// end early.
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
