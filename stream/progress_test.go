package stream

import (
	"runtime"
	"sync"
	"testing"
)

func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		name              string
		todo, calls       int // of next, before cut
		begun             int // result of cut
		cut               bool
		elementsAfterward int
	}{
		{"no element begun", 3, 0, 0, false, 3},
		{"first element begun", 3, 1, 1, true, 0},
		{"second element begun", 3, 2, 2, true, 0},
		{"last element begun", 3, 3, 3, true, 0},
		{"finished", 3, 4, 0, false, 0},
		{"nothing to do", 0, 1, 0, false, 0},
		{"one element, not begun", 1, 0, 0, false, 1},
		{"one element, begun", 1, 1, 1, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p progress
			p.start(tt.todo)
			for call := range tt.calls {
				if i, ok := p.next(); ok != (call < tt.todo) || ok && i != call {
					t.Errorf("call %d of next: %d, %t", call, i, ok)
				}
			}
			if begun, ok := p.cut(); ok != tt.cut || ok && begun != tt.begun {
				t.Errorf("cut: %d, %t; want %d, %t", begun, ok, tt.begun, tt.cut)
			}
			for i := range tt.elementsAfterward {
				if got, ok := p.next(); got != tt.calls+i || !ok {
					t.Errorf("next after cut: %d, %t", got, ok)
				}
			}
			if i, ok := p.next(); ok {
				t.Errorf("element %d begun after the last", i)
			}
		})
	}
}

// However next and cut meet, each element is either begun or cut off.
func TestProgressOfTwoGoroutines(t *testing.T) {
	const todo = 1000
	chunks := make([]progress, 5000)
	worked := make([]int, len(chunks))
	for i := range chunks {
		chunks[i].start(todo)
	}
	var worker sync.WaitGroup
	worker.Go(func() {
		for i := range chunks {
			for _, ok := chunks[i].next(); ok; _, ok = chunks[i].next() {
				worked[i]++
			}
		}
	})
	begun := make([]int, len(chunks))
	for i := range chunks {
		begun[i] = cutOrFinished(&chunks[i], todo)
	}
	worker.Wait()
	for i := range chunks {
		if worked[i] != begun[i] {
			t.Errorf("the worker began %d elements of chunk %d, cut said %d", worked[i], i, begun[i])
		}
	}
}

// cutOrFinished cuts p, or waits until its todo elements are finished. It returns the number of
// elements that were begun.
func cutOrFinished(p *progress, todo int) int {
	for {
		if begun, ok := p.cut(); ok {
			return begun
		}
		if _, calls := halves(p.word.Load()); calls > todo {
			return todo
		}
		runtime.Gosched()
	}
}
