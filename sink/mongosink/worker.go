package mongosink

import "context"

// worker sends batches, one at a time, in one session.
type worker struct {
	*run
	session session
	open    bool            // session is the worker's
	waits   pauses          // between the attempts of the batch
	stopped <-chan struct{} // closed when the run has failed: nothing is repeated
}

// loop sends batches until there are no more or the run has failed.
func (w *worker) loop(ctx, sending context.Context) error {
	defer func() {
		if w.workers.Add(-1) == 0 {
			close(w.workersDone)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case b, ok := <-w.work:
			if !ok {
				return nil
			}
			if err := w.finish(sending, b); err != nil {
				return err
			}
		}
	}
}

// finish sends b, counts the outcome, and gives the memory back.
func (w *worker) finish(ctx context.Context, b *batch) error {
	defer w.account.Release(b.memory)
	defer b.free()
	if d := w.slow.next(ctx); d > 0 && !w.sleep(ctx, d) {
		return context.Cause(ctx) // or nil: the run has failed
	}
	if !w.open {
		w.session, w.open = w.openSession(ctx), true
	}
	if stop, err := w.checkOrder(ctx, b); stop {
		return err
	}
	err := w.write(ctx, b)
	w.tally.tell(w.progress)
	return err
}

// write sends b, in parts if need be, and counts the outcome.
func (w *worker) write(ctx context.Context, b *batch) error {
	for given := b; ; {
		rest, err := w.writeOnce(ctx, b)
		if b != given {
			b.free() // at most one rest is held, and not one for each statement
		}
		if rest == nil || err != nil || w.hasStopped() {
			return err
		}
		b = rest
	}
}

// writeOnce writes a batch, or the beginning of an ordered one. It returns the rest, or nil.
func (w *worker) writeOnce(ctx context.Context, b *batch) (rest *batch, err error) {
	o := w.send(ctx, b)
	unordered := w.noteLost(ctx, b, &o)
	if refusal, ok := w.refusedAsWhole(ctx, &o); ok {
		return nil, w.bisect(ctx, b, refusal)
	}
	rest, err = w.settle(ctx, b, &o)
	if err == nil && unordered != nil {
		return nil, w.tally.first(unordered)
	}
	return rest, err
}

// hasStopped reports whether the run has failed.
func (w *worker) hasStopped() bool {
	select {
	case <-w.stopped:
		return true
	default:
		return false
	}
}

// close ends the worker's session.
func (w *worker) close(ctx context.Context) { w.session.close(ctx) }
