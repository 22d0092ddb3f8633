package stream

import (
	"context"
	"sync/atomic"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
)

// part is a piece of a pulled source that is lent to the downstream, which reads it once and inside the emit that hands it out.
// Who still reads it when that emit has returned does so on another goroutine: it ends with errUsed, and so does the run.
type part[T any] struct {
	run    *pulled[T]
	ctx    context.Context // of run
	cancel context.CancelCauseFunc
	state  atomic.Int32

	aside *Group // the goroutine that reads for a reader that may end before run
	told  bool   // the reader knows how run ended
}

const (
	partFresh   = iota
	partReading // by the one reader
	partRead
	partOver // the emit has returned
)

// lend hands the part out by emit and takes it back. Then nothing reads it; or, if the reader goes on, run is left to that.
func (p *part[T]) lend(emit func() error) (err error) {
	err = errBroke // unless emit returns
	defer func() {
		if p.state.Swap(partOver) == partReading {
			if err == nil {
				err = errUsed
			}
			p.run.left = true
			p.cancel(err)
			return
		}
		if p.aside == nil {
			return
		}
		if err != nil {
			p.cancel(err)
		}
		_ = p.aside.Wait()
		if err != nil && p.run.done && !p.told {
			if more := p.run.beside(err); !echo(more) {
				err = ending.Join(err, more)
			}
		}
	}()
	err = emit()
	return err
}

// begin makes the caller the reader, unless there was one or it is too late.
func (p *part[T]) begin() bool { return p.state.CompareAndSwap(partFresh, partReading) }

// end says that the reader has had enough, which returns err. When the part was taken back before, run is the reader's to end.
func (p *part[T]) end(err *error) {
	if p.state.CompareAndSwap(partReading, partRead) {
		return
	}
	if p.aside != nil {
		_ = p.aside.Wait()
	}
	*err = ending.Join(*err, p.run.finish(errUsed))
}

// each reads the part by step on the caller's goroutine.
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

// eachAside is each but ends as soon as ctx does, which run need not know of: a goroutine reads, and lend waits for it. So run
// goes on for what follows the part.
func (p *part[T]) eachAside(ctx context.Context, step func() (T, bool), emit func(T) error) error {
	g, open := NewGroup(p.ctx)
	defer g.cancel(errLeft)
	p.aside = g
	q := newRing[T](branchAhead)
	err := errBroke // unless each returns
	g.Go(func() error {
		defer q.end()
		err = p.each(open, step, func(v T) error { return q.push(open, v) })
		return nil
	})
	if err := q.source().Each(ctx, emit); err != nil {
		return err
	}
	p.told = true
	return err
}

// reached tells whether run ends with ctx.
func (p *part[T]) reached(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		return true
	}
	for own := p.ctx; own != nil; own = early.Around(own) {
		if own.Done() == done {
			return true
		}
	}
	return false
}
