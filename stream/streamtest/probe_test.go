package streamtest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestProbesDriveAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := streamtest.ProbeSource[int](t), streamtest.ProbeSink[int](t)
		down.Start(t.Context(), stream.Via(up, ahead[int](2)))
		down.ExpectNothing(time.Hour)
		up.Send(1, 2, 3)               // two wait in the flow, and one in emit
		up.ExpectBlocked(4, time.Hour) // backpressure
		down.ExpectNext(1)             // makes room
		if err := up.ExpectReleased(); err != nil {
			t.Error(err)
		}
		down.ExpectNext(2, 3, 4)
		up.Send(5)
		up.Complete()
		if got := down.Request(1); got[0] != 5 {
			t.Errorf("got %v", got)
		}
		down.ExpectComplete()
	})
}

func TestProbeSourceFails(t *testing.T) {
	down, up := streamtest.ProbeSink[int](t), streamtest.ProbeSource[int](t)
	down.Start(t.Context(), up)
	up.Fail(errBroken)
	if err := down.ExpectError(errBroken); err != errBroken {
		t.Errorf("the error is %v", err)
	}
}

func TestProbeSinkStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, up := streamtest.ProbeSink[int](t), streamtest.ProbeSource[int](t)
		down.Start(t.Context(), stream.Via(up, double()))
		go func() { _ = up.Emit(1) }()
		down.Stop()
		down.ExpectComplete()
		if err := up.ExpectStopped(); !stream.Stopped(err) {
			t.Errorf("the source was stopped by %v", err)
		}
	})
}

func TestProbeSinkFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, up := streamtest.ProbeSink[int](t), streamtest.ProbeSource[int](t)
		down.Start(t.Context(), stream.Via(up, double()))
		go func() { _ = up.Emit(1) }()
		down.Fail(errBroken)
		_ = down.ExpectError(errBroken)
		if err := up.ExpectStopped(); err != errBroken {
			t.Errorf("the source was stopped by %v", err)
		}
	})
}

func TestProbesEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, up := streamtest.ProbeSink[int](t), streamtest.ProbeSource[int](t)
		ctx, cancel := context.WithCancelCause(t.Context())
		down.Start(ctx, up)
		up.ExpectBlocked(1, time.Second)
		cancel(errBroken)
		_ = down.ExpectError(errBroken)
		if err := up.ExpectReleased(); err != errBroken {
			t.Errorf("emit returned %v", err)
		}
		if err := up.ExpectStopped(); err != errBroken {
			t.Errorf("the source was stopped by %v", err)
		}
	})
}

func TestProbesServeOneRun(t *testing.T) {
	up := streamtest.ProbeSource[int](t)
	down := streamtest.ProbeSink[int](t)
	down.Start(t.Context(), up)
	up.Complete()
	down.ExpectComplete()
	if _, err := collect(t.Context(), up); err == nil {
		t.Error("the source ran twice")
	}
	if _, err := stream.Run(t.Context(), numbers(1), down); err == nil {
		t.Error("the sink ran twice")
	}
}

func TestProbeSinkCounts(t *testing.T) {
	down := streamtest.ProbeSink[int](t)
	n := make(chan int)
	go func() {
		taken, _ := stream.Run(t.Context(), numbers(3), down)
		n <- taken
	}()
	down.ExpectNext(0, 1, 2)
	down.ExpectComplete()
	if got := <-n; got != 3 {
		t.Errorf("the result is %d", got)
	}
}

// fatal records the message with which a probe fails its test.
type fatal struct {
	testing.TB
	said string
}

func (f *fatal) Helper()        {}
func (f *fatal) Cleanup(func()) {}
func (f *fatal) Fatalf(format string, args ...any) {
	f.said = strings.TrimSpace(format)
	runtime.Goexit()
}
func (f *fatal) Fatal(args ...any) { f.Fatalf(args[0].(string)) }

// Every expectation that is not met fails the test with its own message.
func TestProbesFailTheTest(t *testing.T) {
	type probes struct {
		up   *streamtest.SourceProbe[int]
		down *streamtest.SinkProbe[int]
	}
	for name, c := range map[string]struct {
		do   func(p probes)
		says string
	}{
		"Send refused":       {func(p probes) { go p.down.Fail(errBroken); p.up.Send(1) }, "was refused"},
		"Send after the end": {func(p probes) { p.up.Complete(); p.up.Send(1) }, "has ended already"},
		"Send not taken":     {func(p probes) { p.up.Send(1) }, "emit blocks"},
		"blocked and is not": {func(p probes) {
			go p.down.Next()
			p.up.ExpectBlocked(1, time.Second)
		}, "did not block"},
		"released without blocked": {func(p probes) { p.up.ExpectReleased() }, "no emit is under way"},
		"Send while blocked": {func(p probes) {
			p.up.ExpectBlocked(1, time.Second)
			p.up.Send(2)
		}, "an emit is under way"},
		"stopped and is not":      {func(p probes) { p.up.ExpectStopped() }, "was not stopped"},
		"Next without an element": {func(p probes) { p.down.Next() }, "no element came"},
		"Next at the end": {func(p probes) {
			p.up.Complete()
			p.down.Next()
		}, "where an element was expected"},
		"another value": {func(p probes) { go p.up.Send(2); p.down.ExpectNext(1) }, "ExpectNext: element"},
		"nothing and something": {func(p probes) {
			go p.up.Send(2)
			p.down.ExpectNothing(time.Second)
		}, "ExpectNothing: %s came"},
		"nothing and the end": {func(p probes) {
			p.up.Complete()
			p.down.ExpectNothing(time.Second)
		}, "ExpectNothing: the source ended"},
		"complete and failed": {func(p probes) {
			p.up.Fail(errBroken)
			p.down.ExpectComplete()
		}, "the source failed"},
		"complete and goes on": {func(p probes) { p.down.ExpectComplete() }, "did not end"},
		"complete and an element": {func(p probes) {
			go p.up.Send(2)
			p.down.ExpectComplete()
		}, "another element came"},
		"error and complete": {func(p probes) {
			p.up.Complete()
			_ = p.down.ExpectError(errBroken)
		}, "the source ended with"},
		"error and another error": {func(p probes) {
			p.up.Fail(errors.New("x"))
			_ = p.down.ExpectError(errBroken)
		}, "the source ended with"},
		"stop and nothing comes": {func(p probes) { p.down.Stop() }, "neither emitted nor ended"},
		"an element after a stop": {func(p probes) {
			p.up.Complete()
			p.down.Stop()
			p.down.Next()
		}, "where an element was expected"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fatal{TB: t}
				p := probes{streamtest.ProbeSource[int](f), streamtest.ProbeSink[int](f)}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				p.down.Start(ctx, p.up)
				synctest.Wait()
				done := make(chan struct{})
				go func() {
					defer close(done)
					c.do(p)
				}()
				<-done
				if !strings.Contains(f.said, c.says) {
					t.Errorf("it said %q, not %q", f.said, c.says)
				}
			})
		})
	}
}
