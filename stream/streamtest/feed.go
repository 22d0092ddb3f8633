package streamtest

// feed is the input of a run. Each run gets a new one, because the stage owns its input.
type feed[T any] struct {
	make func() []T
	len  int // elements
}

// stepped returns the input of the runs that are disturbed at every step.
func (s *suite[I, O]) stepped() feed[I] { return s.elements(s.steps, true) }

// elements returns the input of n records, which is empty for a source. If cut is true, byte chunks
// are split into a few chunks.
func (s *suite[I, O]) elements(n int, cut bool) feed[I] {
	if s.input == nil {
		return feed[I]{make: func() []I { return nil }}
	}
	f := feed[I]{make: func() []I { return s.input(n) }}
	all := f.make()
	if f.len = len(all); cut && s.cutIn {
		return f.cut(max(1, (len(join(all))+7)/8))
	}
	return f
}

// cut returns the input with its bytes split into chunks of size bytes.
func (f feed[T]) cut(size int) feed[T] {
	cut := feed[T]{make: func() []T { return recut(f.make(), size) }}
	cut.len = len(cut.make())
	return cut
}
