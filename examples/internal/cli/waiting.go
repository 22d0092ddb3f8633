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
	firstNotice    = 5 * time.Second  // after which it is said what the program waits for
	noticeInterval = 30 * time.Second // after which it is said again
)

// Waiting says what the program waits for, if that takes 5 s, and again every 30 s until done is
// called.
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

// silence is why a request was given up: it got no answer.
type noReplyError struct {
	request string
	limit   time.Duration
}

func (s *noReplyError) Error() string { return fmt.Sprintf("%s: no answer for %v", s.request, s.limit) }

// Class returns Retryable, for requests that only look at something.
func (s *noReplyError) Class() stream.Class { return stream.Retryable }

// Ask calls do, gives it up when limit has passed, and says meanwhile that it waits for server.
func (p *Program) Ask(ctx context.Context, server *Text, request string, limit time.Duration,
	do func(ctx context.Context) error) error {
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

// Ask makes a request, to look for something, that the server has 30 s to answer: see
// [Program.Ask].
func (m *Mongo) Ask(ctx context.Context, request string, do func(ctx context.Context) error) error {
	return m.program.Ask(ctx, m.server(), request, requestTimeout, do)
}

// AskFor is [Mongo.Ask] for a request that the server has limit to answer.
func (m *Mongo) AskFor(ctx context.Context, request string, limit time.Duration,
	do func(ctx context.Context) error) error {
	return m.program.Ask(ctx, m.server(), request, limit, do)
}

// Waiting says that the server is waited for: see [Program.Waiting].
func (m *Mongo) Waiting(request string) (done func()) {
	return m.program.Waiting(Textf("%w (%s)", m.server(), request))
}

func (m *Mongo) server() *Text { return Textf("the MongoDB server at %s", m.hosts) }
