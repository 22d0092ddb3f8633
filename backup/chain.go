package backup

import (
	"cmp"
	"slices"
	"time"
)

// chain is a list of receipts of one unit. Each receipt begins where the previous one ended.
// Several processes can do a unit at the same time, and can divide it in different ways.
type chain []receiptObject

// done reports whether the chain covers the whole unit.
func (c chain) done() bool { return len(c) > 0 && c[len(c)-1].Done }

// link is a receipt with the best chain that begins with it.
type link struct {
	receiptObject
	next  *link
	done  bool
	count int
	ended time.Time // when its last receipt was stored
}

// findChain returns the best chain of the receipts of a unit: one that covers it, or the longest.
// Of several that cover it, it is the one that was complete first. So a receipt that a slow process
// stores later does not change the choice.
func findChain(u *planUnit, all []receiptObject) chain {
	byNumber := map[int][]*link{}
	last := -1
	for _, r := range all {
		byNumber[r.number] = append(byNumber[r.number], &link{receiptObject: r})
		last = max(last, r.number)
	}
	for n := last; n >= 0; n-- {
		for _, l := range byNumber[n] {
			l.connect(byNumber[n+1])
		}
	}
	var first []*link
	for _, l := range byNumber[0] {
		if sameValue(l.From, u.From) {
			first = append(first, l)
		}
	}
	var found chain
	for l := bestLink(first); l != nil; l = l.next {
		found = append(found, l.receiptObject)
	}
	return found
}

// connect finds the best receipt that goes on where l ended.
func (l *link) connect(following []*link) {
	l.done, l.count, l.ended = l.Done, 1, l.stored
	if l.Done {
		return
	}
	var fits []*link
	for _, f := range following {
		if f.Pass == l.Pass && sameValue(f.From, l.To) {
			fits = append(fits, f)
		}
	}
	l.next = bestLink(fits)
	if l.next != nil {
		l.done, l.count = l.next.done, 1+l.next.count
		if l.next.ended.After(l.ended) {
			l.ended = l.next.ended
		}
	}
}

// bestLink returns the best of several links, or nil if there is none.
func bestLink(all []*link) *link {
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(a, b *link) int {
		switch {
		case a.done != b.done && a.done:
			return -1
		case a.done != b.done:
			return 1
		case !a.done && a.count != b.count:
			return cmp.Compare(b.count, a.count)
		}
		return cmp.Or(a.ended.Compare(b.ended), cmp.Compare(a.key, b.key))
	})
}
