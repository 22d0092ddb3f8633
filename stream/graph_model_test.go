package stream_test

import (
	"fmt"
	"slices"
)

// model describes the elements that a node of a graph emits in a whole run, as far as the model
// determines them. All elements are different.
type model struct {
	lanes [][]uint64 // no lane is empty; only elements of the same lane come in order
	lo    int        // minimum number of elements
	hi    int        // maximum number of elements
	gaps  bool       // an element may be missing from a lane even if later ones come
}

// list is the model of a node that emits xs in that order.
func list(xs []uint64) model { return lanes([][]uint64{xs}) }

// lanes is the model of a node that emits all of the lanes.
func lanes(all [][]uint64) model {
	m := model{}
	for _, lane := range all {
		if len(lane) > 0 {
			m.lanes = append(m.lanes, lane)
		}
	}
	m.lo = m.total()
	m.hi = m.lo
	return m
}

func (m model) total() (n int) {
	for _, lane := range m.lanes {
		n += len(lane)
	}
	return n
}

// exact reports whether every whole run emits the same list.
func (m model) exact() bool { return len(m.lanes) <= 1 && !m.gaps && m.lo == m.total() }

// list returns the elements of an exact model.
func (m model) list() []uint64 {
	if len(m.lanes) == 0 {
		return nil
	}
	return m.lanes[0]
}

// expand returns the model of an output in which f makes n elements of each.
func (m model) expand(n int, f func(uint64) []uint64) model {
	var all [][]uint64
	for _, lane := range m.lanes {
		var out []uint64
		for _, v := range lane {
			out = append(out, f(v)...)
		}
		all = append(all, out)
	}
	out := lanes(all)
	out.lo, out.hi, out.gaps = m.lo*n, m.hi*n, m.gaps
	return out
}

// scatter is expand, but only elements made from the same element keep their order.
func (m model) scatter(n int, f func(uint64) []uint64) model {
	var all [][]uint64
	for _, lane := range m.lanes {
		for _, v := range lane {
			all = append(all, f(v))
		}
	}
	out := lanes(all)
	out.lo, out.hi = m.lo*n, m.hi*n
	return out
}

// each is expand for one element of each.
func (m model) each(f func(uint64) uint64) model {
	return m.expand(1, func(v uint64) []uint64 { return []uint64{f(v)} })
}

// keep returns the model of the elements that pass.
func (m model) keep(pass func(uint64) bool) model {
	var all [][]uint64
	for _, lane := range m.lanes {
		all = append(all, slices.DeleteFunc(slices.Clone(lane), func(v uint64) bool { return !pass(v) }))
	}
	out := lanes(all)
	kept := out.hi
	out.gaps = m.gaps
	out.lo, out.hi = max(0, m.lo-(m.total()-kept)), min(m.hi, kept)
	return out
}

// take returns the model of the first n elements.
func (m model) take(n int) model {
	if m.exact() {
		return list(m.list()[:min(n, m.hi)])
	}
	out := m
	out.lo, out.hi = min(m.lo, n), min(m.hi, n)
	return out
}

// skip returns the model without the first n elements.
func (m model) skip(n int) model {
	if m.exact() {
		return list(m.list()[min(n, m.hi):])
	}
	out := m
	out.lo, out.hi, out.gaps = max(0, m.lo-n), max(0, m.hi-n), true
	return out
}

// apart returns the model without the order of the elements.
func (m model) apart() model {
	return m.scatter(1, func(v uint64) []uint64 { return []uint64{v} })
}

// lossy returns the model with elements that may be missing.
func (m model) lossy() model {
	m.lo, m.gaps = min(m.lo, 1), true
	return m
}

// together returns the model of several nodes that emit at the same time.
func together(ms ...model) model {
	out := model{}
	for _, m := range ms {
		out.lanes = append(out.lanes, m.lanes...)
		out.lo += m.lo
		out.hi += m.hi
		out.gaps = out.gaps || m.gaps
	}
	return out
}

// inTurn returns the model of several nodes that emit one after the other.
func inTurn(ms ...model) model {
	var all []uint64
	for _, m := range ms {
		if !m.exact() {
			return together(ms...)
		}
		all = append(all, m.list()...)
	}
	return list(all)
}

// check returns how the output of a run differs from the model or, if the run was not whole, from a
// prefix of the model.
func (m model) check(out []uint64, whole bool) string {
	type place struct{ lane, i int }
	places := make(map[uint64]place, m.total())
	for l, lane := range m.lanes {
		for i, v := range lane {
			places[v] = place{l, i}
		}
	}
	next := make([]int, len(m.lanes))
	for i, v := range out {
		p, ok := places[v]
		switch {
		case !ok:
			return fmt.Sprintf("element %d of the output, %x, is none of the model's %d", i, v, m.total())
		case p.i < next[p.lane]:
			return fmt.Sprintf("element %d of the output, number %d of lane %d, comes twice or too late",
				i, p.i, p.lane)
		case p.i > next[p.lane] && !m.gaps:
			return fmt.Sprintf("element %d of the output is number %d of lane %d, where %d is due",
				i, p.i, p.lane, next[p.lane])
		}
		next[p.lane] = p.i + 1
	}
	switch {
	case len(out) > m.hi:
		return fmt.Sprintf("the output has %d elements, at most %d are due", len(out), m.hi)
	case whole && len(out) < m.lo:
		return fmt.Sprintf("the run is complete, but its output has %d elements of at least %d", len(out), m.lo)
	}
	return ""
}

// mix combines numbers into one; different inputs give different numbers.
func mix(vs ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range vs {
		h ^= v
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 29
		h *= 0x94d049bb133111eb
		h ^= h >> 32
	}
	return h
}

// children returns n elements made from one.
func children(v, salt uint64, n int) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = mix(v, salt, uint64(i))
	}
	return all
}
