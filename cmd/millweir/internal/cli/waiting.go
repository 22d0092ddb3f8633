package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millweir/millweir/stream"
)

const (
	firstNotice    = 5 * time.Second  // before the first message
	noticeInterval = 30 * time.Second // between the next ones
)

// Waiting reports what the program waits for after 5 s, and again every 30 s until the caller calls
// done.
func (p *Program) Waiting(what *Text) (done func()) {
	began := time.Now()
	quit := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer p.recoverPanic()
		for wait := firstNotice; ; wait = noticeInterval {
			select {
			case <-time.After(wait):
				elapsed := time.Since(began)
				p.say(slog.LevelInfo, Textf("waiting for %w, for %s by now", what,
					elapsed.Truncate(time.Second).String()),
					"waiting", "for", what, "elapsed", Seconds(elapsed))
			case <-quit:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(quit)
		waiting.Wait()
	})
}

// noReplyError is the cause of a request that got no reply within its limit.
type noReplyError struct {
	request string
	limit   time.Duration
}

func (s *noReplyError) Error() string { return fmt.Sprintf("%s: no answer for %v", s.request, s.limit) }

// Class returns Retryable. A caller whose request changes something gives its error another class.
func (s *noReplyError) Class() stream.Class { return stream.Retryable }

// Ask calls do, cancels it after limit, and reports meanwhile that the program waits for server.
func (p *Program) Ask(ctx context.Context, server *Text, request string, limit time.Duration,
	do func(ctx context.Context) error,
) error {
	asking, cancel := context.WithTimeoutCause(ctx, limit, &noReplyError{request, limit})
	defer cancel()
	defer p.Waiting(Textf("%w (%s)", server, request))()
	err := do(asking)
	deadline, _ := asking.Deadline()
	if err == nil || asking.Err() == nil && time.Now().Before(deadline) {
		return err
	}
	<-asking.Done() // a connection can notice the deadline before the context does
	cause := context.Cause(asking)
	if errors.As(cause, new(*noReplyError)) {
		return Textf("%w", cause).withCause(err)
	}
	return cause
}

// Ask is [Program.Ask] for a request that the MongoDB server has 30 s to answer.
func (m *Mongo) Ask(ctx context.Context, request string, do func(ctx context.Context) error) error {
	return m.program.Ask(ctx, m.server(), request, requestTimeout, do)
}

func (m *Mongo) server() *Text { return Textf("the MongoDB server at %s", m.hosts) }
