package goroutines

import (
	"bytes"
	"context"
	"runtime/pprof"
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
		{worker, 50, "json"},
		{[]string{"emit", "main.main", "runtime.main"}, 20, "json"},
		{feeder, 15, "source"},
		{feeder[1:], 5, "source"},
		{[]string{"runtime.gcBgMarkWorker"}, 10, ""},
		{[]string{"parse", "example.com/goroutines.Record.func1"}, 50, ""},
	}, counts{{"json", "stream.mapParallel.func2"}: 4})
	want := []Share{
		{"json", "stream.mapParallel.func2", 4, 0.5},
		{"json", "main.main", 1, 0.2},
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
	var got counts
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
	if n := got[kind{stage: "look"}]; n < workers+1 {
		t.Errorf("%d goroutines of the stage, want its caller and %d workers: %v", n, workers, got)
	}
}

// count counts the goroutines of each stage.
func count() (counts, error) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 0); err != nil {
		return nil, err
	}
	samples, err := parse(&profile)
	all := counts{}
	for _, s := range samples {
		if s.label != "" {
			all[kind{stage: s.label}] += int(s.value)
		}
	}
	return all, err
}
