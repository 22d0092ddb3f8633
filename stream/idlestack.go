package stream

import (
	"slices"
	"sync"
)

// idleStack holds the waiting goroutines of a pool, whose mutex guards it. It wakes the goroutine
// that began to wait last, because that one's stack is most likely still in the caches. So a pool
// of thousands that has little to do costs no more than a small one.
type idleStack struct {
	waiting   []chan struct{}
	searching int // goroutines that look for work: they will find it before they wait
}

// wait unlocks mu, waits until the goroutine, which searches, is woken, and locks mu. Each
// goroutine has its own channel woken, of capacity 1.
func (s *idleStack) wait(mu *sync.Mutex, woken chan struct{}) {
	s.searching--
	s.waiting = append(s.waiting, woken)
	mu.Unlock()
	<-woken
	mu.Lock()
}

// wake wakes n goroutines, if as many wait. They search.
func (s *idleStack) wake(n int) {
	left := max(0, len(s.waiting)-max(0, n))
	for _, woken := range slices.Backward(s.waiting[left:]) {
		woken <- struct{}{}
		s.searching++
	}
	s.waiting = s.waiting[:left]
}

// wakeAll wakes all waiting goroutines.
func (s *idleStack) wakeAll() { s.wake(len(s.waiting)) }
