package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/stream"
)

// TestAsk asks a server that never replies. The program must say what it waits for, and give up.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := &Program{Name: "backup", out: &b, secrets: new(secrets)}
		m := &Mongo{hosts: "h:1", program: p}
		began := time.Now()
		err := m.Ask(t.Context(), "ping", func(ctx context.Context) error {
			<-ctx.Done()
			return stream.Mark(ctx.Err(), stream.Fatal)
		})
		if err == nil || time.Since(began) != requestTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got := m.Explain(err).Error(); got != "the MongoDB server at h:1 is silent: look at it, or correct the "+
			"URI (ping: no answer for 30s)" {
			t.Error(got)
		}
		if got := b.String(); got != "backup: waiting for the MongoDB server at h:1 (ping), for 5s by now\n" {
			t.Error(got)
		}
	})
}

// TestAskAnswers asks a server that replies in time, one that replies with an error, and one during
// which a signal arrives.
func TestAskAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := &Program{Name: "backup", out: &b, secrets: new(secrets), JSON: true}
		stopped, broken := errors.New("stopped"), errors.New("broken")
		for _, want := range []error{nil, broken} {
			if err := p.Ask(t.Context(), Textf("S"), "r", time.Hour,
				func(context.Context) error { return want }); err != want { //nolint:errorlint // unchanged
				t.Errorf("%v, want %v", err, want)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(70*time.Second, func() { cancel(stopped) })
		err := p.Ask(ctx, Textf("S"), "r", time.Hour,
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if err != stopped { //nolint:errorlint // unchanged
			t.Error(err)
		}
		if got := strings.Count(b.String(), `"msg":"waiting","for":"S (r)"`); got != 3 {
			t.Errorf("%d messages: %s", got, b.String())
		}
	})
}
