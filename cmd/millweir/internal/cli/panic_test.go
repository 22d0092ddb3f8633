package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func explode(int) int { panic("bolts of c0rrect-Horse") }

// TestProtect panics on the goroutine of the program, in a stage and on a goroutine of a stage.
// Each panic must become an error without a stack.
func TestProtect(t *testing.T) {
	run := func(flow stream.Flow[int, int]) func() ([]int, error) {
		return func() ([]int, error) {
			return stream.Run(t.Context(), stream.Via(source.Of(1, 2), flow), sink.Slice[int]())
		}
	}
	for name, do := range map[string]func() ([]int, error){
		"function":  func() ([]int, error) { return []int{explode(1)}, nil },
		"stage":     run(stream.Map(explode)),
		"goroutine": run(stream.MapParallel(2, func(_ context.Context, n int) (int, error) { return explode(n), nil })),
	} {
		_, err := Protect(do)
		var p *Panic
		if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "cli.explode") ||
			strings.Contains(err.Error(), "cli.explode") || stream.ClassOf(err) != stream.Fatal {
			t.Fatalf("%s: %v", name, err)
		}
		for _, debug := range []bool{false, true} {
			for _, asJSON := range []bool{false, true} {
				var b bytes.Buffer
				program := &Program{Name: "backup", out: &b, secrets: new(secrets), Debug: debug, JSON: asJSON}
				program.secrets.add("c0rrect-Horse")
				code := program.finish(Errorf("%w; nothing was stored", err), nil)
				said := b.String()
				if code != exitDefect || strings.Contains(said, "c0rrect") ||
					!strings.Contains(said, "panic: bolts of [hidden]; nothing was stored") ||
					strings.Contains(said, "cli.explode") != debug || !debug && strings.Count(said, "\n") != 1 {
					t.Errorf("%s: exit code %d, %s", name, code, said)
				}
				for line := range strings.Lines(said) {
					if asJSON && !json.Valid([]byte(line)) || !asJSON && !strings.HasPrefix(line, "backup: ") {
						t.Errorf("%s: %s", name, line)
					}
				}
			}
		}
	}
	if got, err := Protect(func() (int, error) { return 1, nil }); got != 1 || err != nil {
		t.Error(got, err)
	}
}

// TestGuard panics on a goroutine of this package, which must end the run.
func TestGuard(t *testing.T) {
	ctx, crash := context.WithCancelCause(t.Context())
	p := &Program{crash: crash}
	go func() {
		defer p.recoverPanic()
		explode(1)
	}()
	<-ctx.Done()
	if !errors.As(context.Cause(ctx), new(*Panic)) {
		t.Error(context.Cause(ctx))
	}
}
