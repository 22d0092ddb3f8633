package stream

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// The goroutine that began to wait last is woken first, and only as many as asked for.
func TestIdleStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var s idleStack
		var woken []int
		for i := range 5 {
			go func() {
				mu.Lock()
				defer mu.Unlock()
				s.searching++
				s.wait(&mu, make(chan struct{}, 1))
				woken = append(woken, i)
			}()
			synctest.Wait()
		}
		for _, step := range []struct {
			wake int
			want []int
		}{
			{-1, nil},
			{0, nil},
			{1, []int{4}},
			{1, []int{4, 3}},
			{9, []int{4, 3, 0, 1, 2}},
		} {
			mu.Lock()
			s.wake(step.wake)
			mu.Unlock()
			synctest.Wait()
			if len(woken) != len(step.want) || len(woken) < 3 && !slices.Equal(woken, step.want) {
				t.Errorf("after wake(%d): %v woke, want %v", step.wake, woken, step.want)
			}
			if s.searching != len(woken) {
				t.Errorf("%d search, want %d", s.searching, len(woken))
			}
		}
	})
}
