package goroutines

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestShares(t *testing.T) {
	worker := []string{"work", "stream.mapParallel.func2", "stream.(*Group).Go.func1", "sync.(*WaitGroup).Go.func1"}
	feeder := []string{"feed", "stream.mapParallel.func1", "stream.(*Group).Go.func1", "sync.(*WaitGroup).Go.func1"}
	got := shares([]sample{
		{worker, 50, "json", "", ""},
		{
			[]string{"write", "example.com/goroutines.labelled", "main.main", "runtime.main"},
			12, "json", "",
			"main.main",
		},
		{[]string{"pack", "example.com/goroutines.labelled", "a caller of it"}, 7, "gzip", "", "main.main"},
		{[]string{"main.main", "runtime.main"}, 1, "", "", ""},
		{feeder, 15, "source", "", ""},
		{feeder[1:], 5, "source", "", ""},
		{[]string{"runtime.gcBgMarkWorker"}, 10, "", "", ""},
		{[]string{"parse", "example.com/goroutines.Record.func1"}, 50, "", "", ""},
	}, counts{{"json", "stream.mapParallel.func2"}: 4})
	want := []Share{
		{"json", "stream.mapParallel.func2", 4, 0.5},
		{"json, gzip", "main.main", 1, 0.2},
		{"source", "stream.mapParallel.func1", 1, 0.2},
		{"", Runtime, 1, 0.1},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i, s := range got {
		if s != want[i] {
			t.Errorf("got %v, want %v", s, want[i])
		}
	}
	if part := Busiest(got); part != 0.2 {
		t.Errorf("the busiest goroutine uses %v, want 0.2", part)
	}
}

func TestShort(t *testing.T) {
	for long, want := range map[string]string{
		"main.main": "main.main",
		"example.com/a/b.f[go.shape.*uint8,c/d.e[int]].func1.(*Group).Go.6": "b.f.func1.(*Group).Go.6",
	} {
		if got := short(long); got != want {
			t.Errorf("%s: got %s, want %s", long, got, want)
		}
	}
}

func TestCeiling(t *testing.T) {
	for _, c := range []struct {
		part  float64
		cores int
		want  float64
	}{{0.2, 32, 5}, {0.2, 4, 4}, {0.25, 4, 4}, {0, 8, 8}} {
		if got := Ceiling(c.part, c.cores); got != c.want {
			t.Errorf("%v on %d cores: %v, want %v", c.part, c.cores, got, c.want)
		}
	}
}

// A profile of the goroutines shows the stage of each, and of the goroutines that it started.
func TestStage(t *testing.T) {
	const workers = 3
	var all sync.WaitGroup // the calls: when each worker is in one, all have started
	all.Add(workers)
	var once sync.Once
	var got map[string]int
	look := stream.MapUnordered(workers, func(_ context.Context, n int) (int, error) {
		all.Done()
		all.Wait()
		var err error
		once.Do(func() { got, err = count() })
		return n, err
	})
	waiting := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		return source.Range(0, workers, 1).Each(ctx, emit)
	})
	src := Stage("look", stream.Via(Stage("numbers", waiting), look))
	if _, err := stream.Run(t.Context(), src, sink.Discard[int]()); err != nil {
		t.Fatal(err)
	}
	if n := got["look"]; n < workers+1 {
		t.Errorf("%d goroutines of the stage, want its caller and %d workers: %v", n, workers, got)
	}
}

// count counts the goroutines of each stage.
func count() (map[string]int, error) {
	samples, err := running()
	all := map[string]int{}
	for _, s := range samples {
		if s.stage != "" {
			all[s.stage] += int(s.value)
		}
	}
	return all, err
}

// A goroutine stays of one kind when it runs one stage inside of another. Goroutines that it starts
// are of other kinds.
func TestKindStays(t *testing.T) {
	var kinds []kind
	look := stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
		return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
			kinds = append(kinds, kindHere(t))
			return src.Each(ctx, emit)
		})
	})
	pull := stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
		return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) (err error) {
			for range pulled(ctx, stream.Via(src, look), &err) {
			}
			return err
		})
	})
	inner := Stage("inner", stream.Via2(source.Range(0, 1, 1), look, pull))
	numbers := Stage("numbers", stream.Via2(inner, pull, look))
	ahead := Stage("ahead", stream.Via3(numbers, look, stream.Async[int](1), look))
	last := Stage("last", stream.Via(ahead, look))
	if _, err := stream.Run(t.Context(), stream.Via(last, look), sink.Discard[int]()); err != nil {
		t.Fatal(err)
	}
	if len(kinds) != 8 {
		t.Fatalf("%d looks", len(kinds))
	}
	caller, reader := kinds[0], kinds[3]
	if caller == reader {
		t.Errorf("two goroutines of one kind: %v", caller)
	}
	for i, want := range []kind{caller, caller, caller, reader, reader, reader, reader, reader} {
		if kinds[i] != want {
			t.Errorf("look %d: %v, want %v", i, kinds[i], want)
		}
	}
}

// pulled returns the elements of src, which runs in a coroutine.
func pulled(ctx context.Context, src stream.Source[int], err *error) iter.Seq[int] {
	return func(yield func(int) bool) {
		next, stop := iter.Pull(func(yield func(int) bool) {
			*err = src.Each(ctx, func(n int) error { yield(n); return nil })
		})
		defer stop()
		for n, ok := next(); ok && yield(n); n, ok = next() {
		}
	}
}

// kindHere returns the kind of the goroutine that calls it.
func kindHere(t *testing.T) kind {
	samples, err := running()
	if err != nil {
		t.Error(err)
	}
	for _, s := range samples {
		if slices.ContainsFunc(s.stack, func(f string) bool { return strings.HasSuffix(f, ".kindHere") }) {
			return s.kind()
		}
	}
	t.Error("the goroutine is not in the profile")
	return kind{}
}
