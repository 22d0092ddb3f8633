package stream

import "context"

// CompleteOn returns a flow that passes its elements on. If its upstream fails with an error for
// which enough is true, it completes instead of failing. Then sinks publish the elements so far as
// if they were complete, so enough should accept only an error that means no loss.
//
// Place CompleteOn right after the stage that fails. An error overtakes the elements that wait in
// an [Async] or in another stage that runs its upstream on a goroutine, so after such a stage those
// elements would be missing.
//
// enough is not called for errors of the downstream, an early end, or the end of the whole run.
// Fused; it holds no element.
func CompleteOn[T any](enough func(error) bool) Flow[T, T] {
	if enough == nil {
		return invalid[T, T]("CompleteOn: the function is nil")
	}
	return mend(func(_ context.Context, err error, _ func(T) error) error {
		if enough(err) {
			return nil
		}
		return err
	})
}
