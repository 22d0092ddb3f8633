package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/stream"
)

// part is a range of the segments of one collection of a backup: a unit of a verification or a copy.
type part struct {
	collection  int
	first, next int64 // the numbers of its first segment, and of the first after it
}

// A part has at least partSegments segments, if the collection has, and a collection at most
// maxParts parts: each of them reads the whole catalog.
const (
	partSegments = 32
	maxParts     = 64
)

// parts divides the collections of a backup.
func (m *Manifest) parts() (all []part) {
	for i := range m.Collections {
		segments := m.Collections[i].Segments
		size := max(partSegments, segments/maxParts+min(segments%maxParts, 1))
		first := int64(0)
		for ; segments-first > size; first += size {
			all = append(all, part{i, first, first + size})
		}
		all = append(all, part{i, first, segments})
	}
	return all
}

// eachSegment calls f for each segment of the part. It reads the whole catalog, so that it is
// proven, even if f has no segment.
func (v *View) eachSegment(ctx context.Context, p part, f func(Segment) error) error {
	at := int64(0)
	return v.segments(p.collection).Each(ctx, func(s Segment) error {
		mine := p.first <= at && at < p.next
		at++
		if !mine {
			return nil
		}
		return f(s)
	})
}

// units returns n units of a job.
func units(job string, n int) []Unit {
	all := make([]Unit, n)
	for i := range all {
		all[i] = Unit{job, i}
	}
	return all
}

// checkUnit returns an error unless u is one of n units of the job.
func checkUnit(u Unit, job string, n int) error {
	if u.Job != job || u.Number < 0 || u.Number >= n {
		return fmt.Errorf("%w: %.100q %d", errUnit, u.Job, u.Number)
	}
	return nil
}

// oneEach returns a receipt of each of the n units of a job, in their order. A unit that was done
// twice has two.
func oneEach(job string, n int, receipts []Receipt) ([]Receipt, error) {
	all, found := make([]Receipt, n), make([]bool, n)
	for _, r := range receipts {
		if err := checkUnit(r.Unit, job, n); err != nil {
			return nil, err
		}
		all[r.Unit.Number], found[r.Unit.Number] = r, true
	}
	for i, ok := range found {
		if !ok {
			return nil, fmt.Errorf("%w: unit %d of %d has no receipt", ErrIncomplete, i, n)
		}
	}
	return all, nil
}

var errUnit = stream.Mark(errors.New("the unit is of another job"), stream.Fatal)
