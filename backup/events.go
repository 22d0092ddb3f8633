package backup

import (
	"context"
	"sync"

	"github.com/millweir/millweir/stream"
)

// Events passes the events of a job on to receivers that may be slow, such as a screen or the
// connection of a browser. The job never waits for them:
//
//	events := backup.NewEvents()
//	go func() {
//		defer events.Close()
//		job := view.Restore(client, &backup.RestoreOptions{Progress: events.Report})
//		report, err = backup.Run(ctx, job, 4)
//	}()
//	for e, err := range stream.All(ctx, events) {
//		fmt.Printf("%3.0f %%\n", 100*e.Share)
//	}
//
// As a source, it emits the newest event at first, and then each time the newest that it has not
// emitted. So events come in their order, a slow receiver gets fewer of them, and every receiver
// gets the last one. Counts are sums: no number is lost with an event that is left out.
//
//   - Any number of runs at the same time, each from the newest event on.
//   - End: each run completes after the last event when Close was called, or when it is drained.
//   - Memory: one event.
type Events struct {
	mu      sync.Mutex
	newest  Event
	number  int64 // of newest; 0 if there is none
	closed  bool
	changed chan struct{} // is closed at the next change
}

// NewEvents returns an Events without events.
func NewEvents() *Events { return &Events{changed: make(chan struct{})} }

// Report takes an event, as the Progress of a job. It never waits. After Close, it does nothing.
func (e *Events) Report(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.newest = event
	e.number++
	close(e.changed)
	e.changed = make(chan struct{})
}

// Close ends the events. Call it when the job has returned, also with an error. It can be called
// again.
func (e *Events) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		close(e.changed)
	}
}

// Each implements [stream.Source].
func (e *Events) Each(ctx context.Context, emit func(Event) error) error {
	drained := stream.Draining(ctx)
	for last := int64(0); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		event, number, ended, changed := e.read()
		switch {
		case number > last:
			last = number
			if err := emit(event); err != nil {
				return err
			}
			select {
			case <-drained:
				return nil
			default:
			}
			continue
		case ended:
			return nil
		}
		select {
		case <-changed:
		case <-drained:
			return nil
		case <-ctx.Done():
		}
	}
}

// Newest returns the newest event, and reports whether there is one.
func (e *Events) Newest() (Event, bool) {
	event, number, _, _ := e.read()
	return event, number > 0
}

// read returns the newest event, its number, whether Close was called, and a channel that is closed
// at the next change.
func (e *Events) read() (newest Event, number int64, ended bool, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.newest, e.number, e.closed, e.changed
}
