package stream

import "context"

// CompleteOn returns a flow that passes its elements on and completes, instead of failing, when its upstream failed with an
// error for which enough is true. What came before is taken for the whole then, and sinks publish it: enough should name the
// one error that means no loss. An error overtakes the elements that wait in an [Async], or in another stage that runs its upstream
// on a goroutine, and they would be missing: CompleteOn stands before such stages, right behind what fails.
//
// enough is not asked about errors of the downstream, an early end, or the end of the whole run. Fused; it holds no element.
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
