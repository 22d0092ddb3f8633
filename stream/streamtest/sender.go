package streamtest

import (
	"context"
	"sync"
)

// sender is the upstream of a stage under check. It keeps the contract. At each step it runs the
// check's hooks.
type sender[T any] struct {
	r        *run
	in       []T
	restarts bool // may run more than once in one run of the stage

	// before is called before the i-th element and, with i == len(in), before the end. Its error
	// ends the source.
	before func(ctx context.Context, i int) error
	// after maps the error of emit to the error of Each.
	after func(err error) error
	last  func() // called before Each returns nil

	mu       sync.Mutex
	runs     int
	sent     int   // emits that returned nil
	emitErr  error // error of an emit
	ctxErr   error // the cause, if the context ended the source
	running  bool
	complete bool // Each returned nil
	cleaned  bool // its defer ran
}

// Each implements stream.Source.
func (s *sender[T]) Each(ctx context.Context, emit func(T) error) error {
	s.mu.Lock()
	s.runs++
	again := s.runs > 1 && !s.restarts
	s.running = true
	s.mu.Unlock()
	if again {
		s.r.c.breach(9, "the upstream was run %d times in one run", s.runs)
	}
	switch {
	case ctx.Value(labelKey{}) != s.r.label:
		s.r.c.breach(7, "the upstream's context lacks the values of the run's")
	case s.r.over.Load():
		s.r.c.breach(1, "the upstream was run after the %s had returned", s.r.c.kind)
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running, s.cleaned = false, true
	}()
	for i := range len(s.in) + 1 {
		if s.before != nil {
			if err := s.before(ctx, i); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ctxErr = context.Cause(ctx)
			return s.ctxErr
		}
		if i == len(s.in) {
			break
		}
		if err := emit(clone(s.in[i])); err != nil {
			s.mu.Lock()
			s.emitErr = err
			s.mu.Unlock()
			if s.after != nil {
				return s.after(err)
			}
			return err
		}
		s.mu.Lock()
		s.sent++
		s.mu.Unlock()
	}
	if s.last != nil {
		s.last()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete = true
	return nil
}

// ended reports a breach if the upstream still runs.
func (s *sender[T]) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.r.c.breach(1, "the upstream still runs after the %s returned", s.r.c.kind)
	}
}

func (s *sender[T]) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}
