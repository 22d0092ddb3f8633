package cli

import (
	"context"
	"errors"
	"io"
	"testing"
)

// stoppedLater is a context whose Err reports a cancellation while its Done channel stays open, as
// if the signal came between the two calls.
type stoppedLater struct{ context.Context }

func (stoppedLater) Done() <-chan struct{} { return nil }
func (stoppedLater) Err() error            { return context.Canceled }

// A signal that comes just after the URI was parsed stops the program as any other.
func TestConnectStopped(t *testing.T) {
	t.Setenv("MONGODB_URI", "mongodb://127.0.0.1:1/")
	client, err := new(Mongo).Connect(stoppedLater{t.Context()},
		&Program{Name: "millweir", out: io.Discard, secrets: new(secrets)})
	if client != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v; want that it was stopped", client, err)
	}
}
