package streamtest

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
)

// receiver is the downstream of a stage under check. It records the elements and checks how emit is
// called.
type receiver[T any] struct {
	r      *run
	chunks bool
	// after is called with the index of the element just taken, from 0. Its error is emit's.
	after func(i int) error
	// poison overwrites every slice after it is copied.
	poison bool

	inside      atomic.Int32
	emitFailure atomic.Pointer[string] // how an emit failed
	turn        int                    // unguarded, so that the race detector reports concurrent emits

	mu       sync.Mutex
	out      []T // copies
	received []T // the elements themselves
}

func (d *receiver[T]) emit(v T) error {
	defer d.inside.Add(-1)
	switch {
	case d.inside.Add(1) != 1:
		d.r.c.breach(3, "emit was called while another emit was under way")
	case d.r.over.Load():
		d.r.c.breach(3, "emit was called after Each had returned")
		return errBreach
	case d.emitFailure.Load() != nil:
		d.r.c.breach(3, "emit was called again after it %s", *d.emitFailure.Load())
		return errBreach
	case goroutine() != d.r.home:
		d.r.c.breach(3, "emit was called on another goroutine than the one that called Each")
	default:
		d.turn++
	}
	d.mu.Lock()
	i := len(d.out)
	d.out = append(d.out, clone(v))
	d.received = append(d.received, v)
	d.mu.Unlock()
	if d.chunks && reflect.ValueOf(v).Len() == 0 {
		d.r.c.breach(0, "an empty chunk was emitted; a chunk has at least one byte")
	}
	if d.poison {
		poison(v)
	}
	if d.after == nil {
		return nil
	}
	how := "panicked or ended its goroutine"
	defer func() {
		if how != "" {
			d.emitFailure.CompareAndSwap(nil, &how)
		}
	}()
	err := d.after(i)
	if how = ""; err != nil {
		how = "returned an error"
	}
	return err
}

// errBreach is the error of an emit that must not be called.
var errBreach = errors.New("streamtest: emit must not be called now")

func (d *receiver[T]) elements() []T {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]T(nil), d.out...)
}

// checkUnchanged reports a breach if an element changed after it was emitted.
func (d *receiver[T]) checkUnchanged(when string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, v := range d.received {
		if !reflect.DeepEqual(v, d.out[i]) {
			d.r.c.breach(8, "element %d was changed %s after it was handed on: it was %s, it became %s",
				i, when, short(d.out[i]), short(v))
			return
		}
	}
}
