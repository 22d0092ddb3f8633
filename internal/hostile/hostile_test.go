package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

var errRefused = stream.Mark(errors.New("refused | it"), stream.Data)

func TestTable(t *testing.T) {
	hostile.Table(t, []hostile.Row{
		{
			Name: "an error of any kind",
			Run:  func(*testing.T, context.Context) error { return errRefused },
		},
		{
			Name: "the error that is wanted",
			Run:  func(*testing.T, context.Context) error { return fmt.Errorf("test: %w", errRefused) },
			Want: hostile.Is(errRefused),
		},
		{
			Name: "the class that is wanted",
			Run:  func(*testing.T, context.Context) error { return errRefused },
			Want: hostile.Class(stream.Data),
		},
		{
			Name: "success that is wanted",
			Run:  func(*testing.T, context.Context) error { return nil },
			Want: hostile.Success,
		},
	})
}
