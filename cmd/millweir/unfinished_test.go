package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
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
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for class, want := range map[stream.Class]bool{
		stream.Retryable: true, stream.Throttled: true, stream.Canceled: true, stream.UnknownOutcome: true,
		stream.Data: false, stream.Fatal: false,
	} {
		err := stream.Mark(errors.New("it failed"), class)
		if againHelps(t.Context(), err) != want || !againHelps(stopped, err) {
			t.Errorf("%v: want %v", class, want)
		}
	}
}
