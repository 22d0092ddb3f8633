package stream_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// badRun runs a stage with one invalid setting. Every source that the stage gets calls started.
type badRun func(ctx context.Context, started func()) error

// untouched is a source that must not run. It stands for a source argument of a constructor.
func untouched[T any](started func()) stream.Source[T] {
	return stream.SourceFunc[T](func(context.Context, func(T) error) error { started(); return nil })
}

func badFlow[I, O any](flow stream.Flow[I, O]) badRun {
	return func(ctx context.Context, started func()) error {
		_, err := stream.Run(ctx, stream.Via(untouched[I](started), flow), sink.Discard[O]())
		return err
	}
}

func badSource[T any](src stream.Source[T]) badRun {
	return fanIn(func(stream.Source[int]) stream.Source[T] { return src })
}

func fanIn[T any](mk func(good stream.Source[int]) stream.Source[T]) badRun {
	return func(ctx context.Context, started func()) error {
		_, err := stream.Run(ctx, mk(untouched[int](started)), sink.Discard[T]())
		return err
	}
}

func badSink[T, R any](into stream.Sink[T, R]) badRun {
	return func(ctx context.Context, started func()) error {
		_, err := stream.Run(ctx, untouched[T](started), into)
		return err
	}
}

// badSettings has the invalid values of each constructor parameter that can be invalid.
func badSettings() map[string][]badRun {
	all := map[string][]badRun{}
	for _, table := range []map[string][]badRun{badFlows(), badJoins(), badRuns(), badEnds()} {
		maps.Copy(all, table)
	}
	return all
}

// These parameters are optional, for the reason given.
var optional = map[string]string{
	"stream.WithBudget.b":      "nil means that stages hold what their options say",
	"stream.ConflateUpTo.cost": "each element counts as 1",
	"stream.FlatMapState.end":  "nothing follows the last element",
	"stream.Log.opts":          "the defaults",
	"stream.MapResource.shut":  "there is nothing to close",
	"stream.Supervise.opts":    "the defaults",
	"stream.SuperviseTo.opts":  "the defaults",
	"stream.Throttle.cost":     "each element counts as 1",
	"stream.WireTap.done":      "the result is not needed",
	"source.Range.from":        "any integer is one",
	"source.Range.to":          "any integer is one",
	"streamtest.FailAt.err":    "an error of the package's own",
	"streamtest.TestFlow.f":    "the suite's own options",
	"streamtest.TestSink.f":    "the suite's own options",
	"streamtest.TestSource.f":  "the suite's own options",
}

// An invalid setting is a clear error of every run, before anything starts.
func TestBadSettings(t *testing.T) {
	table := badSettings()
	for key, cases := range table {
		for i, run := range cases {
			for range 2 {
				started := false
				err := run(t.Context(), func() { started = true })
				pkg, _, _ := strings.Cut(key, ".")
				switch {
				case err == nil:
					t.Errorf("%s, %d: no error", key, i)
				case !strings.HasPrefix(err.Error(), pkg+": ") && !strings.HasPrefix(err.Error(), "stream: "):
					t.Errorf("%s, %d: the error %q does not say where it is from", key, i, err)
				case errors.Is(err, stream.ErrLimit) || errors.Is(err, context.Canceled):
					t.Errorf("%s, %d: %v", key, i, err)
				}
				if started {
					t.Errorf("%s, %d: the upstream was started", key, i)
				}
			}
		}
	}
	for _, p := range parameters(t) {
		_, tested := table[p.key]
		_, free := optional[p.key]
		if p.settable && !tested && !free {
			t.Errorf("no bad setting of %s is tested", p.key)
		}
	}
}

// An invalid setting that no run could report panics.
func TestBadSettingsThatPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"Limiter.Set": func() { stream.NewLimiter(1, 1).Set(-1) },
		"Budget.Set":  func() { stream.NewBudget(1).Set(0) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "stream: "+name+": ") {
					t.Errorf("%s: it panicked with %q", name, text)
				}
			}()
			f()
		}()
	}
}

// A source that can run only once fails if it runs again, and emits nothing.
func TestSingleUse(t *testing.T) {
	hub := stream.NewMergeHub[int]()
	hub.Close()
	queue := source.NewQueue[int](1)
	queue.Complete()
	ch := make(chan int)
	close(ch)
	pipe, w := source.Pipe()
	w.Close()
	for name, src := range map[string]stream.Source[any]{
		"MergeHub": anyOf[int](hub),
		"Queue":    anyOf[int](queue),
		"Chan":     anyOf(source.Chan(ch)),
		"Pipe":     anyOf(pipe),
		"Reader":   anyOf(source.Reader(strings.NewReader("x"))),
	} {
		if _, err := stream.Run(t.Context(), src, sink.Discard[any]()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := stream.Run(t.Context(), src, sink.Discard[any]()); err == nil || n != 0 {
			t.Errorf("%s, again: %d elements, %v", name, n, err)
		}
	}
	broadcast := stream.NewBroadcastHub[int](1)
	if _, err := stream.Run(t.Context(), source.Empty[int](), broadcast); err != nil {
		t.Error(err)
	}
	if _, err := stream.Run(t.Context(), source.Of(1), broadcast); err == nil {
		t.Error("a hub took a second producer")
	}
}

func rangeOver[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

func wait[R any](r *stream.Running[R]) error {
	_, err := r.Wait()
	return err
}

func anyOf[T any](src stream.Source[T]) stream.Source[any] {
	return stream.Via(src, stream.Map(func(v T) any { return v }))
}
