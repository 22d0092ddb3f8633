package stream

// Sliding returns a flow that emits windows of n elements, each step elements after the last. With
// step < n, windows overlap; with step > n, the elements between them are dropped. A shorter window
// is emitted only at the end, if there are elements that no window contains yet. Each window is a
// new slice.
//
//   - Memory: n elements.
func Sliding[T any](n, step int) Flow[T, []T] {
	if n < 1 || step < 1 {
		return invalid[T, []T]("Sliding: windows of %d, each %d further; both must be at least 1", n, step)
	}
	type window struct {
		kept  []T
		skip  int  // elements to drop before the next is kept
		fresh bool // kept holds elements that no window contained
	}
	return detachedFlow(withState(func() *window {
		return new(window)
	}, func(s **window, v T, emit func([]T) error) error {
		w := *s
		if w.skip > 0 {
			w.skip--
			return nil
		}
		w.kept, w.fresh = append(w.kept, v), true
		if len(w.kept) < n {
			return nil
		}
		full := append([]T(nil), w.kept...)
		w.skip = max(0, step-n)
		rest := copy(w.kept, w.kept[min(step, n):])
		clear(w.kept[rest:])
		w.kept, w.fresh = w.kept[:rest], false
		return emit(full)
	}, func(s **window, emit func([]T) error) error {
		if w := *s; w.fresh {
			return emit(w.kept)
		}
		return nil
	}))
}
