package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// startup measures what a backup pipeline allocates until it waits for its first bytes of the
// budget, which comes before its first request: all its stages have started.
func startup(e effort) report.Case {
	n := e.of(1_000, 20)
	return report.Case{
		Name: "startup", About: "a whole backup pipeline until its first element, heap and stacks",
		Unit: "pipeline", Units: 1, By: report.Memory, Cold: true, Rounds: 1,
		Ours:   report.Peer{Name: "millweir", Work: func(int) (report.Sample, error) { return startAll(n) }},
		Limits: []report.Limit{{Max: 64 << 10}},
	}
}

// startAll starts n pipelines in a budget without room, and ends them when all of them wait.
func startAll(n int) (s report.Sample, err error) {
	// Nothing is sent to either server.
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1"))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, client.Disconnect(background)) }()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return s, err
	}
	w := world{
		docs: client.Database("bench").Collection("docs"),
		s3:   s3.New(s3.Options{Region: "us-east-1"}), key: key.Recipient(),
	}
	b := stream.NewBudget(budgetOfRows)
	ctx := stream.WithBudget(background, b)
	all := stream.OpenAccount(stream.WithReservation(ctx), stream.Need{Stage: "all", Min: budgetOfRows})
	defer all.Close()
	if err := all.Acquire(ctx, budgetOfRows); err != nil {
		return s, err
	}
	before, began := allocated(), time.Now()
	runs := make([]*stream.Running[s3sink.Object], n)
	for i := range runs {
		runs[i] = stream.Go(ctx, w.find(), w.upload(fmt.Sprint("backup-", i)))
	}
	for b.Waiting() < n {
		time.Sleep(time.Millisecond)
	}
	s = report.Sample{Units: n, Wall: time.Since(began), Allocs: -1, Memory: allocated() - before}
	for _, r := range runs {
		r.Cancel(nil)
		if _, err := r.Wait(); !errors.Is(err, context.Canceled) {
			return s, fmt.Errorf("a pipeline without bytes ended with %w", err)
		}
	}
	return s, nil
}

// allocated returns the bytes allocated on the heap so far, and those of the stacks.
func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc + m.StackInuse)
}
