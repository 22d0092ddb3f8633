package stream

import (
	"context"

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
	state  partState

	helpers     *Group // reads for a reader that may end before run; nil otherwise
	reportedEnd bool   // the reader has seen how run ended
}

// lend calls emit, which passes the part on, and takes the part back.
func (p *part[T]) lend(emit func() error) (err error) {
	err = errAborted // unless emit returns
	defer func() { err = p.takeBack(err) }()
	err = emit()
	return err
}

// takeBack revokes the part after the emit that lent it has ended with err, and returns the error
// of the run. If a reader is still active, that reader closes run. Otherwise no goroutine uses the
// part when takeBack returns.
func (p *part[T]) takeBack(err error) error {
	if p.state.revoke() {
		if err == nil {
			err = errUsed
		}
		p.run.leftToReader = true
		p.cancel(err)
		return err
	}
	if p.helpers == nil {
		return err
	}
	if err != nil {
		p.cancel(err)
	}
	_ = p.helpers.Wait()
	if err == nil || !p.run.done || p.reportedEnd {
		return err
	}
	if more := p.run.addedTo(err); !echo(more) {
		return ending.Join(err, more)
	}
	return err
}

// begin makes the caller the reader. It returns false if the part was read before or has been taken
// back.
func (p *part[T]) begin() bool { return p.state.begin() }

// end records that the reader, which returns *err, has finished. If the part has been taken back,
// end also closes run.
func (p *part[T]) end(err *error) {
	if p.state.end() {
		return
	}
	if p.helpers != nil {
		_ = p.helpers.Wait()
	}
	*err = ending.Join(*err, p.run.finish(errUsed))
}

// each reads the part with step, on the caller's goroutine.
func (p *part[T]) each(ctx context.Context, step func() (T, bool), emit func(T) error) error {
	for p.state.isReading() {
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
