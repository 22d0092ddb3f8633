package streamtest_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/millweir/millweir/stream"
)

// apart is a flow whose upstream runs on a separate goroutine. Each field adds a typical fault of
// such flows; without one, the flow is correct.
type apart struct {
	pick     func(up, down error) error // chooses between the errors of the two sides
	leave    func(err error) bool       // whether not to wait for the upstream after this emit error
	flee     bool                       // does not wait for the upstream when emit panics
	hang     bool                       // does not notice that the upstream's goroutine was ended
	complete bool                       // treats that as the end
	bare     bool                       // does not catch a panic of the upstream's goroutine
}

func (p apart) each(ctx context.Context, src stream.Source[int], emit emitInt) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		items    = make(chan int)
		ended    = make(chan struct{})
		up, down error
		panicked any
		exited   bool
	)
	go func() {
		returned := false
		defer func() {
			if !returned && !p.bare {
				panicked = recover()
				exited = panicked == nil
			}
			if !exited || !p.hang {
				close(ended)
			}
		}()
		up = src.Each(ctx, func(v int) error {
			select {
			case items <- v:
				return nil
			case <-ctx.Done():
				time.Sleep(time.Millisecond)
				return context.Cause(ctx)
			}
		})
		returned = true
	}()
	calm := false
	defer func() {
		if !calm && !p.flee {
			cancel(errBroken)
			<-ended
		}
	}()
	for open := true; open; {
		select {
		case v := <-items:
			if ctx.Err() != nil {
				continue
			}
			if down = emit(v); down != nil {
				cancel(down)
				if p.leave != nil && p.leave(down) {
					calm = true
					return down
				}
				<-ended
				open = false
			}
		case <-ended:
			open = false
		}
	}
	calm = true
	switch {
	case panicked != nil:
		panic(panicked)
	case exited && !p.complete:
		runtime.Goexit()
	case p.pick != nil:
		return p.pick(up, down)
	case down == nil || errors.Is(up, down):
		return up
	case up != nil && (errors.Is(down, context.Canceled) || errors.Is(down, io.ErrClosedPipe)):
		return errors.Join(up, down)
	}
	return down
}
