package stream

import "fmt"

// invalid returns a flow whose run ends at once with an error, before its upstream is started.
func invalid[I, O any](format string, args ...any) Flow[I, O] {
	err := invalidError(format, args...)
	return FlowFunc[I, O](func(Source[I]) Source[O] { return Fail[O](err) })
}

// invalidError returns an error of class Fatal for invalid settings, or for a user's function that
// breaks its contract.
func invalidError(format string, args ...any) error {
	return Mark(fmt.Errorf("stream: "+format, args...), Fatal)
}

func errNilFunc(name string) error { return invalidError("%s: the function is nil", name) }
