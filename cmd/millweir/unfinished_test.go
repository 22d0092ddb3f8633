package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The message of a backup that failed says whether it can be in the list, and how to go on.
func TestUnfinished(t *testing.T) {
	lost := stream.Mark(errors.New("no reply"), stream.UnknownOutcome)
	for _, test := range []struct {
		err       error
		finishing bool
		has, not  string
	}{
		{lost, false, "no backup was made, and --resume 2026", "may have been made"},
		{lost, true, "may have been made: see millweir list", "no backup was made"},
		{errors.New("some other"), true, "may have been made: see millweir list", "no backup was made"},
		{backup.ErrTooOld, true, "no backup was made", "--resume"},
		{backup.ErrDeleted, true, "no backup was made", "--resume"},
		{backup.ErrNothing, false, "no backup was made", "--resume"},
		{mongosource.ErrCollectionChanged, false, "no backup was made", "--resume"},
	} {
		job := &tracked{}
		job.finishing.Store(test.finishing)
		err := unfinished(job, "20261129", fmt.Errorf("backup: %w", test.err))
		if text := err.Error(); !errors.Is(err, test.err) || !strings.Contains(text, test.has) ||
			strings.Contains(text, test.not) {
			t.Errorf("finishing %v: %s", test.finishing, text)
		}
	}
}

// Only a failure that may pass is worth a second run.
func TestAgainHelps(t *testing.T) {
	for class, want := range map[stream.Class]bool{
		stream.Retryable: true, stream.Throttled: true, stream.Canceled: true, stream.UnknownOutcome: true,
		stream.Data: false, stream.Fatal: false,
	} {
		if err := stream.Mark(errors.New("it failed"), class); againHelps(err) != want {
			t.Errorf("%v: want %v", class, want)
		}
	}
}

// abandoned is a job that counts how often it was abandoned.
type abandoned struct {
	backup.Job
	n   int
	err error
}

func (a *abandoned) Abandon(context.Context) error { a.n++; return a.err }

// A restore that a signal stopped removes the prepared collections, and reports that. One that
// failed in a way that may pass keeps them for the next run.
func TestFailedRestore(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	lost := stream.Mark(errors.New("no reply"), stream.Retryable)
	fatal := stream.Mark(errors.New("no right"), stream.Fatal)
	const visible = "some collections may be visible already: run this again to go on"
	for name, test := range map[string]struct {
		ctx                 context.Context
		err, left           error
		prepared, finishing bool
		abandons            int
		has                 string
	}{
		"stopped":                    {stopped, context.Canceled, nil, true, false, 1, "nothing is visible"},
		"stopped at the end":         {stopped, context.Canceled, nil, true, true, 1, visible},
		"stopped at the end, stays":  {stopped, context.Canceled, lost, true, true, 1, "could not be removed"},
		"stopped and not removed":    {stopped, context.Canceled, lost, true, false, 1, "could not be removed"},
		"stopped before it prepared": {stopped, context.Canceled, nil, false, false, 0, "run this again to go on"},
		"server away":                {t.Context(), lost, nil, true, false, 0, "run this again to go on"},
		"damaged":                    {t.Context(), backup.ErrDamaged, nil, true, false, 1, "damaged"},
		"server away at the end":     {t.Context(), lost, nil, true, true, 0, visible},
		"no right at the end":        {t.Context(), fatal, nil, true, true, 0, visible},
		"panic at the end":           {t.Context(), &cli.Panic{Value: "burst"}, nil, true, true, 0, visible},
		"target there at the end":    {t.Context(), backup.ErrTargetExists, nil, true, true, 1, visible},
		"not equal at the end":       {t.Context(), backup.ErrNotEqual, nil, true, true, 0, visible},
		"not removed at the end":     {t.Context(), backup.ErrDamaged, lost, true, true, 1, visible},
		"target there":               {t.Context(), backup.ErrTargetExists, nil, false, false, 0, "the target exists"},
	} {
		job := &abandoned{err: test.left}
		tracked := &tracked{Job: job}
		tracked.prepared.Store(test.prepared)
		tracked.finishing.Store(test.finishing)
		err := failedRestore(test.ctx, tracked, fmt.Errorf("restore: %w", test.err))
		if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.has) || job.n != test.abandons {
			t.Errorf("%s: abandoned %d times: %v", name, job.n, err)
		}
	}
}
