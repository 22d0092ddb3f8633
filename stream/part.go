package stream

import (
	"context"
	"sync/atomic"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
)

// part is a section of a pulled source, lent to the downstream. The downstream reads it once,
// inside the emit that passes it on. If a read is still active when this emit has returned, it is
// on another goroutine: that read and the run end with errUsed.
type part[T any] struct {
	run    *pulled[T]
	ctx    context.Context // of run
	cancel context.CancelCauseFunc
	state  atomic.Int32

	helpers     *Group // reads for a reader that may end before run; nil otherwise
	reportedEnd bool   // the reader has seen how run ended
}

const (
	partFresh   = iota
	partReading // by the one reader
	partRead
	partRevoked // the emit has returned
)

// lend calls emit, which passes the part on, and takes the part back. If a reader is still active
// then, the reader closes run. Otherwise the part has no more readers.
func (p *part[T]) lend(emit func() error) (err error) {
	err = errAborted // unless emit returns
	defer func() {
		if p.state.Swap(partRevoked) == partReading {
			if err == nil {
				err = errUsed
			}
			p.run.leftToReader = true
			p.cancel(err)
			return
		}
		if p.helpers == nil {
			return
		}
		if err != nil {
			p.cancel(err)
		}
		_ = p.helpers.Wait()
		if err != nil && p.run.done && !p.reportedEnd {
			if more := p.run.addedTo(err); !echo(more) {
				err = ending.Join(err, more)
			}
		}
	}()
	err = emit()
	return err
}

// begin makes the caller the reader. It returns false if the part was read before or has been taken
// back.
func (p *part[T]) begin() bool { return p.state.CompareAndSwap(partFresh, partReading) }

// end records that the reader, which returns *err, has finished. If the part has been taken back,
// end also closes run.
func (p *part[T]) end(err *error) {
	if p.state.CompareAndSwap(partReading, partRead) {
		return
	}
	if p.helpers != nil {
		_ = p.helpers.Wait()
	}
	*err = ending.Join(*err, p.run.finish(errUsed))
}

// each reads the part with step, on the caller's goroutine.
func (p *part[T]) each(ctx context.Context, step func() (T, bool), emit func(T) error) error {
	for p.state.Load() == partReading {
		v, ok := step()
		if !ok {
			return p.run.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := emit(v); err != nil {
			return err
		}
	}
	return errUsed
}

// eachThroughRing is each for a ctx that may end before the context of run does. A goroutine reads
// for it, and lend waits for that goroutine, so that run can continue with the elements after the
// part.
func (p *part[T]) eachThroughRing(ctx context.Context, step func() (T, bool), emit func(T) error) error {
	g, open := NewGroup(p.ctx)
	defer g.cancel(errLeft)
	p.helpers = g
	q := newRing[T](branchAhead)
	err := errAborted // unless each returns
	g.Go(func() error {
		defer q.end()
		err = p.each(open, step, func(v T) error { return q.push(open, v) })
		return nil
	})
	if err := q.source().Each(ctx, emit); err != nil {
		return err
	}
	p.reportedEnd = true
	return err
}

// endsWith reports whether the end of ctx also ends run.
func (p *part[T]) endsWith(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		return true
	}
	for outer := p.ctx; outer != nil; outer = early.Around(outer) {
		if outer.Done() == done {
			return true
		}
	}
	return false
}
