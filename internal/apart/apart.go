// Package apart runs functions of a test that end their goroutine.
package apart

// Run runs f on a new goroutine. It returns the error of f, the error that f panicked with, or nil
// if f ended its goroutine by runtime.Goexit.
func Run(f func() error) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err = v.(error)
			}
		}()
		err = f()
	}()
	<-done
	return err
}
