package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
)

// The newest event is a line on a terminal, and JSON for machines.
func TestTracked(t *testing.T) {
	e := backup.Event{
		Job: "restore", Kind: backup.DocumentsCompared, Phase: backup.Comparing, Units: 1, Share: 0.25,
		Counts: backup.Counts{Documents: 2000, Bytes: 8 << 20}, Total: backup.Total{Units: 3},
	}
	job := &tracked{verb: "restored"}
	if line := job.Line(time.Second); !strings.Contains(line, "0 documents") {
		t.Error(line)
	}
	job.event(e)
	const want = "25 %, 2,000 documents (8.0 MiB) restored, 4.0 MiB/s, 1 of 3 units, reading back, 2s, about 6s left"
	if line := job.Line(2 * time.Second); line != want {
		t.Errorf("%s\n%s", line, want)
	}
	text, err := json.Marshal(job.Attrs(time.Second)[1])
	var got backup.Event
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil || got != e {
		t.Errorf("%s, %v", text, err)
	}
	if share, known := job.Share(); share != e.Share || !known {
		t.Error(share, known)
	}
	job.event(backup.Event{Job: "sweep", Units: 2, Counts: backup.Counts{Objects: 1000}})
	if line := job.Line(time.Second); line != "2 backups examined, 1,000 objects deleted, 1s" {
		t.Error(line)
	}
	if _, known := job.Share(); known {
		t.Error("a sweep does not know its share")
	}
}
