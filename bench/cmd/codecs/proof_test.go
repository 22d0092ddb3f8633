package main

import (
	"errors"
	"io"
	"testing"

	"github.com/millweir/millweir/bench/internal/report"
)

// writes returns a codecRun whose successive runs write the outputs in order.
func writes(outputs ...string) codecRun {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, outputs[0])
		outputs = outputs[1:]
		return err
	}
}

func TestWrongOutputIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		outputs     []string
		first, then error
	}{
		"right":      {[]string{"text", "text"}, nil, nil},
		"wrong":      {[]string{"test", "test"}, errWrongOutput, nil},
		"less later": {[]string{"text", "tex"}, nil, errWrongOutput},
	} {
		t.Run(name, func(t *testing.T) {
			b := caseBuilder{right: equals([]byte("text")), Case: report.Case{Want: 7}}
			p := b.peer("peer", report.Bar{}, writes(c.outputs...))
			if !errors.Is(b.err, c.first) {
				t.Errorf("at first: %v, want %v", b.err, c.first)
			}
			got, err := p.Run()
			if !errors.Is(err, c.then) {
				t.Errorf("then: %v, want %v", err, c.then)
			}
			if err == nil && got != 7 {
				t.Errorf("the check value is %d, want 7", got)
			}
		})
	}
}
