package streamtest

// feed is the input of a run. Each run gets a new one, because the stage owns its input.
type feed[T any] struct {
	make func() []T
	len  int // elements
}

// stepped returns the input of the runs that are disturbed at every step.
func (s *suite[I, O]) stepped() feed[I] { return s.chunked(s.steps) }

// elements returns the input of n records. It is empty for a source.
func (s *suite[I, O]) elements(n int) feed[I] {
	if s.input == nil {
		return feed[I]{make: func() []I { return nil }}
	}
	f := feed[I]{make: func() []I { return s.input(n) }}
	f.len = len(f.make())
	return f
}

// chunked returns the input of n records. A byte stream comes in about eight chunks.
func (s *suite[I, O]) chunked(n int) feed[I] {
	f := s.elements(n)
	if s.input == nil || !s.cutIn {
		return f
	}
	return f.cut(max(1, (len(join(f.make()))+7)/8))
}

// cut returns the input with its bytes split into chunks of size bytes.
func (f feed[T]) cut(size int) feed[T] {
	cut := feed[T]{make: func() []T { return recut(f.make(), size) }}
	cut.len = len(cut.make())
	return cut
}
