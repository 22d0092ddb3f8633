package stream_test

import (
	"context"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream/streamtest"
)

// badEnds has the invalid settings of packages source, sink and streamtest.
func badEnds() map[string][]badRun {
	var (
		open = func(context.Context) (int, error) { return 0, nil }
		shut = func(int, context.Context) error { return nil }
		next = func(int, context.Context) (int, bool, error) { return 0, false, nil }
	)
	return map[string][]badRun{
		"sink.Chan.ch":           {badSink(sink.Chan[int](nil))},
		"sink.Create.open":       {badSink(sink.Create(nil))},
		"sink.Defer.f":           {badSink(sink.Defer[int, int](nil))},
		"sink.File.opts":         {badSink(sink.File("x", &sink.FileOptions{Perm: 0o1_000_600}))},
		"sink.Fold.f":            {badSink(sink.Fold[int](0, nil))},
		"sink.ForEach.f":         {badSink(sink.ForEach[int](nil))},
		"sink.ForEachParallel.f": {badSink(sink.ForEachParallel[int](1, nil))},
		"sink.ForEachParallel.n": {badSink(sink.ForEachParallel(0, func(context.Context, int) error {
			return nil
		})), badSink(sink.ForEachParallel(-1, func(context.Context, int) error { return nil }))},
		"sink.Lazy.f":      {badSink(sink.Lazy[int, int](nil))},
		"sink.Reduce.f":    {badSink(sink.Reduce[int](nil))},
		"sink.TakeLast.n":  {badSink(sink.TakeLast[int](-1))},
		"sink.Writer.w":    {badSink(sink.Writer(nil))},
		"source.Chan.ch":   {badSource(source.Chan[int](nil))},
		"source.Cycle.seq": {badSource(source.Cycle[int](nil))},
		"source.Defer.f":   {badSource(source.Defer[int](nil))},
		"source.File.opts": {
			badSource(source.File("x", &source.FileOptions{Offset: -1})),
			badSource(source.File("x", &source.FileOptions{Length: -1})),
			badSource(source.File("x", &source.FileOptions{ChunkSize: -1})),
		},
		"source.Func.f":        {badSource(source.Func[int](nil))},
		"source.NewQueue.n":    {badSource(source.NewQueue[int](-1))},
		"source.Open.open":     {badSource(source.Open(nil))},
		"source.Range.step":    {badSource(source.Range(0, 1, 0))},
		"source.Reader.r":      {badSource(source.Reader(nil))},
		"source.Resource.next": {badSource(source.Resource[int, int](open, nil, shut))},
		"source.Resource.open": {badSource(source.Resource(nil, next, shut))},
		"source.Resource.shut": {badSource(source.Resource(open, next, nil))},
		"source.Seq.seq":       {badSource(source.Seq[int](nil))},
		"source.Seq2.seq":      {badSource(source.Seq2[int](nil))},
		"source.Tick.every":    {badSource(source.Tick(0)), badSource(source.Tick(-1))},
		"source.Unfold.f":      {badSource(source.Unfold[int, int](0, nil))},
		"streamtest.FailAt.n":  {badFlow(streamtest.FailAt[int](-1, errBoom))},
		"streamtest.PanicAt.n": {badFlow(streamtest.PanicAt[int](-1, errBoom))},
		"streamtest.Short.n":   {badFlow(streamtest.Short[int](-1))},
		"streamtest.Slow.d":    {badFlow(streamtest.Slow[int](-1))},
		"streamtest.Stall.n":   {badFlow(streamtest.Stall[int](-1))},
	}
}
