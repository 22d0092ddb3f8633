package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/goroutines"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// millweirCores is our program on all cores. It writes the shares of its goroutines into the file
// of sharesEnv.
var millweirCores = program{
	name: "millweir on all cores", role: "millweir-cores",
	backup: func(ctx context.Context, j *job) error {
		docs := goroutines.Stage("mongosource.Find", mongosource.Find(j.collection, bson.D{}, nil))
		lines := goroutines.Chunks("bsoncodec.ExtJSON", stream.Via(docs, bsoncodec.ExtJSON(nil)))
		packed := goroutines.Chunks("codec.Gzip", stream.Via(lines, codec.Gzip(nil)))
		body := goroutines.Chunks("agecodec.Encrypt", stream.Via(packed, agecodec.Encrypt(j.recipient)))
		return recordShares(func() error {
			_, err := stream.Run(stream.WithParallelism(ctx, 0), body, s3sink.Upload(j.storage, j.bucket, j.key, nil))
			return err
		})
	},
	restore: func(ctx context.Context, j *job) error {
		body := goroutines.Chunks("s3source.Download", s3source.Download(j.storage, j.bucket, j.key, nil))
		packed := goroutines.Chunks("agecodec.Decrypt", stream.Via(body, agecodec.Decrypt(j.identity)))
		lines := goroutines.Chunks("codec.Gunzip", stream.Via(packed, codec.Gunzip(nil)))
		docs := goroutines.Stage("bsoncodec.ParseExtJSON", stream.Via(lines, bsoncodec.ParseExtJSON(nil)))
		return recordShares(func() error {
			_, err := stream.Run(stream.WithParallelism(ctx, 0), docs, mongosink.Insert(j.collection, nil))
			return err
		})
	},
}

const (
	sharesEnv  = "MILLWEIR_JOB_SHARES" // the file for the shares of the goroutines
	sharesFile = "shares.json"
)

func recordShares(run func() error) error {
	all, err := goroutines.Record(run)
	if err != nil {
		return err
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(os.Getenv(sharesEnv), text, 0o600)
}

// busiestBar is the largest part of the CPU time that one goroutine may use, in percent: with 5 %,
// a pipeline can be 20 times faster on many cores than on one.
const busiestBar = 5

// coresSize returns the bytes of BSON of the cases that profile a run. A profile needs some
// seconds.
func (s *settings) coresSize(quick bool) int64 {
	if quick {
		return int64(s.megabytes * 2e6)
	}
	return int64(s.megabytes * 4e6)
}

// cores measures which goroutine bounds a run on many cores, and prints the share of each.
func (w *world) cores(ctx context.Context, name, direction string, size int64) report.Case {
	c := w.job(name, "the goroutine that bounds a "+direction+" on many cores, Parallelism = cores")
	c.By, c.Also = report.Busiest, nil
	c.Limits = []report.Limit{{Metric: report.Busiest, Max: busiestBar}}
	work := w.backupWork(ctx, millweirCores, size)
	if direction == "restore" {
		work = w.restoreWork(ctx, millweirCores, size)
	}
	file := filepath.Join(w.Dir, sharesFile)
	c.Ours = report.Peer{Name: millweirCores.name, Work: func(reps int) (report.Sample, error) {
		sample, err := work(reps)
		if err != nil {
			return sample, err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return sample, err
		}
		var all []goroutines.Share
		if err := json.Unmarshal(text, &all); err != nil {
			return sample, err
		}
		sample.Busiest = 100 * goroutines.Busiest(all)
		w.printShares(direction, all)
		return sample, nil
	}}
	return c
}

const leastShown = 0.005 // part of the CPU time

// printShares prints the share of each kind of goroutine, and how fast the run can be on more
// cores.
func (w *world) printShares(direction string, all []goroutines.Share) {
	fmt.Fprintf(w.log, "\n%s: CPU time by goroutine\n", direction)
	t := tabwriter.NewWriter(w.log, 0, 0, 2, ' ', 0)
	for _, s := range all {
		if s.Part >= leastShown {
			fmt.Fprintf(t, "%5.1f %%\t%d ×\t%s\t%s\n", 100*s.Part, s.Count, s.Stage, s.Root)
		}
	}
	_ = t.Flush()
	part := goroutines.Busiest(all)
	fmt.Fprintf(w.log, "one goroutine uses at most %.1f %%: at most %.1f × of one core on 8 cores, %.1f × on 32\n",
		100*part, goroutines.Ceiling(part, 8), goroutines.Ceiling(part, 32))
}
