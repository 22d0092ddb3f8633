package stream_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// badRun runs a stage with one invalid setting. Every source that the stage gets calls started.
type badRun func(ctx context.Context, started func()) error

// untouched is a source that must not run. It stands for a source argument of a constructor.
func untouched[T any](started func()) stream.Source[T] {
	return stream.SourceFunc[T](func(context.Context, func(T) error) error { started(); return nil })
}

func badFlow[I, O any](flow stream.Flow[I, O]) badRun {
	return func(ctx context.Context, started func()) error {
		_, err := stream.Run(ctx, stream.Via(untouched[I](started), flow), sink.Discard[O]())
		return err
	}
}

func badSource[T any](src stream.Source[T]) badRun {
	return fanIn(func(stream.Source[int]) stream.Source[T] { return src })
}

func fanIn[T any](mk func(good stream.Source[int]) stream.Source[T]) badRun {
	return func(ctx context.Context, started func()) error {
		_, err := stream.Run(ctx, mk(untouched[int](started)), sink.Discard[T]())
		return err
	}
}

func badSink[T, R any](into stream.Sink[T, R]) badRun {
	return func(ctx context.Context, started func()) error {
		_, err := stream.Run(ctx, untouched[T](started), into)
		return err
	}
}

// badSettings has the invalid values of each constructor parameter that can be invalid.
func badSettings() map[string][]badRun {
	type ints = stream.Source[int]
	var (
		id     = func(n int) int { return n }
		yes    = func(int) bool { return true }
		try    = func(_ context.Context, n int) (int, error) { return n, nil }
		add    = func(a, b int) int { return a + b }
		zero   = func() int { return 0 }
		put    = func(a, b int) (int, bool, error) { return a + b, false, nil }
		count  = sink.Discard[int]()
		same   = stream.Map(id)
		dead   = func(context.Context, stream.DeadLetter[int]) error { return nil }
		wrong  = &stream.Backoff{Factor: 0.5}
		state  = func(s *int, n int) (int, error) { return n, nil }
		many   = func(s *int, n int, emit func(int) error) error { return emit(n) }
		open   = func(context.Context) (int, error) { return 0, nil }
		use    = func(r int, _ context.Context, n int) (int, error) { return n, nil }
		shut   = func(int, context.Context) error { return nil }
		next   = func(int, context.Context) (int, bool, error) { return 0, false, nil }
		after  = func(int) ints { return nil }
		settle = func(in, out int) bool { return in == out }
		recov  = func(err error) (ints, error) { return nil, err }
		flows  = func(f func(...stream.Flow[int, int]) stream.Flow[int, int]) []badRun {
			return []badRun{badFlow(f()), badFlow(f(same, nil))}
		}
		srcs = func(f func(good ints) stream.Source[any]) []badRun { return []badRun{fanIn(f)} }
	)
	keep := func(context.Context, []int) error { return nil }
	mark := func(context.Context, int) error { return nil }
	var none stream.Source[int]
	return map[string][]badRun{
		"stream.StoreBatches.store": {badSink(stream.StoreBatches[int](nil, mark, nil))},
		"stream.StoreBatches.save":  {badSink(stream.StoreBatches[int, int](keep, nil, nil))},
		"stream.StoreBatches.opts": {
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{MaxElements: -1})),
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{MaxDelay: -1})),
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{Parallelism: -1})),
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{Retry: &stream.Backoff{Min: -1}})),
		},
		"stream.WithParallelism.n": {func(ctx context.Context, _ func()) error {
			_, err := stream.Parallelism(stream.WithParallelism(ctx, -1), 0)
			return err
		}},
		"stream.Parallelism.option": {func(ctx context.Context, _ func()) error {
			_, err := stream.Parallelism(stream.WithParallelism(ctx, 4), -2)
			return err
		}},
		"stream.Acknowledge.save": {func(ctx context.Context, started func()) error {
			_, err := stream.Run(ctx, untouched[marked](started), stream.Acknowledge[int, int](nil))
			return err
		}},
		"stream.Aggregate.start":   {badFlow(stream.Aggregate(nil, put, id, 0))},
		"stream.Aggregate.add":     {badFlow(stream.Aggregate[int, int](zero, nil, id, 0))},
		"stream.Aggregate.harvest": {badFlow(stream.Aggregate[int, int, int](zero, put, nil, 0))},
		"stream.Aggregate.within":  {badFlow(stream.Aggregate(zero, put, id, -1))},
		"stream.All.src": {func(ctx context.Context, _ func()) (err error) {
			return rangeOver(stream.All(ctx, none))
		}},
		"stream.AlsoTo.sink": {badFlow(stream.AlsoTo[int, int](nil, nil))},
		"stream.Async.n": {
			badFlow(stream.Async[int](0)), badFlow(stream.Async[int](-1)),
			badFlow(stream.Async[int](math.MaxInt)),
		},
		"stream.AsyncBytes.max":  {badFlow(stream.AsyncBytes(0, id)), badFlow(stream.AsyncBytes(-1, id))},
		"stream.AsyncBytes.size": {badFlow(stream.AsyncBytes[int](1, nil))},
		"stream.Balance.flows":   flows(stream.Balance[int, int]),
		"stream.Batch.n":         {badFlow(stream.Batch[int](0)), badFlow(stream.Batch[int](-1))},
		"stream.BatchBytes.max":  {badFlow(stream.BatchBytes(0, id)), badFlow(stream.BatchBytes(-1, id))},
		"stream.BatchBytes.size": {badFlow(stream.BatchBytes[int](1, nil))},
		"stream.BatchBytesWithin.max": {
			badFlow(stream.BatchBytesWithin(0, 1, id)),
			badFlow(stream.BatchBytesWithin(-1, 1, id)),
		},
		"stream.BatchBytesWithin.d": {
			badFlow(stream.BatchBytesWithin(1, 0, id)),
			badFlow(stream.BatchBytesWithin(1, -1, id)),
		},
		"stream.BatchBytesWithin.size": {badFlow(stream.BatchBytesWithin[int](1, 1, nil))},
		"stream.ConflateUpTo.max": {
			badFlow(stream.ConflateUpTo(0, nil, id, add)),
			badFlow(stream.ConflateUpTo(-1, nil, id, add)),
		},
		"stream.ConflateUpTo.seed": {badFlow(stream.ConflateUpTo(1, nil, nil, add))},
		"stream.ConflateUpTo.add":  {badFlow(stream.ConflateUpTo(1, nil, id, nil))},
		"stream.BatchWithin.n": {
			badFlow(stream.BatchWithin[int](0, 1)),
			badFlow(stream.BatchWithin[int](-1, 1)),
		},
		"stream.BatchWithin.d": {
			badFlow(stream.BatchWithin[int](1, 0)),
			badFlow(stream.BatchWithin[int](1, -1)),
		},
		"stream.Broadcast.flows": flows(stream.Broadcast[int, int]),
		"stream.Buffer.n": {
			badFlow(stream.Buffer[int](0, stream.DropAll)),
			badFlow(stream.Buffer[int](-1, stream.DropAll)),
		},
		"stream.Buffer.overflow": {
			badFlow(stream.Buffer[int](1, -1)),
			badFlow(stream.Buffer[int](1, stream.DropAll+1)),
		},
		"stream.Carry.flow":       {badFlow(stream.Carry[string, int, int](nil))},
		"stream.CarryBatch.batch": {badFlow(stream.CarryBatch[int, int](nil))},
		"stream.CarryMapUnordered.n": {
			badFlow(stream.CarryMapUnordered[int](0, try)),
			badFlow(stream.CarryMapUnordered[int](math.MaxInt, try)),
		},
		"stream.CarryMapUnordered.f":  {badFlow(stream.CarryMapUnordered[int, int, int](2, nil))},
		"stream.CarrySegments.n":      {badFlow(stream.CarrySegments[int](-1, same))},
		"stream.CarrySegments.flow":   {badFlow(stream.CarrySegments[int, int, int](1, nil))},
		"stream.Checkpoints.position": {badFlow(stream.Checkpoints[int, int](nil))},
		"stream.OnValue.f":            {badFlow(stream.TryMap(stream.OnValue[int, int, int](nil)))},
		"stream.CombineLatest.srcs": {fanIn(func(good ints) stream.Source[[]int] {
			return stream.CombineLatest(good, nil)
		})},
		"stream.CompleteOn.enough":  {badFlow(stream.CompleteOn[int](nil))},
		"stream.Concat.srcs":        {fanIn(func(good ints) ints { return stream.Concat(good, nil) })},
		"stream.ConcatMap.f":        {badFlow(stream.ConcatMap[int, int](nil))},
		"stream.Conflate.seed":      {badFlow(stream.Conflate(nil, add))},
		"stream.Conflate.add":       {badFlow(stream.Conflate(id, nil))},
		"stream.Delay.d":            {badFlow(stream.Delay[int](-1))},
		"stream.DelayFunc.f":        {badFlow(stream.DelayFunc[int](nil))},
		"stream.DivertTo.sink":      {badFlow(stream.DivertTo[int, int](nil, yes, nil))},
		"stream.DivertTo.divert":    {badFlow(stream.DivertTo(count, nil, nil))},
		"stream.Drainable.src":      {badSource(stream.Drainable(none))},
		"stream.Expand.f":           {badFlow(stream.Expand[int, int](nil))},
		"stream.Filter.keep":        {badFlow(stream.Filter[int](nil))},
		"stream.FilterMap.f":        {badFlow(stream.FilterMap[int, int](nil))},
		"stream.FirstTimeout.d":     {badFlow(stream.FirstTimeout[int](0)), badFlow(stream.FirstTimeout[int](-1))},
		"stream.FlatMap.f":          {badFlow(stream.FlatMap[int, int](nil))},
		"stream.FlatMapState.start": {badFlow(stream.FlatMapState(nil, many, nil))},
		"stream.FlatMapState.f":     {badFlow(stream.FlatMapState[int, int, int](zero, nil, nil))},
		"stream.FlowOf.sink":        {badFlow(stream.FlowOf[int, int, int](nil, source.Of(1)))},
		"stream.FlowOf.src":         {badFlow(stream.FlowOf(count, none))},
		"stream.FlowOfCoupled.sink": {badFlow(stream.FlowOfCoupled[int, int, int](nil, source.Of(1)))},
		"stream.FlowOfCoupled.src":  {badFlow(stream.FlowOfCoupled(count, none))},
		"stream.Go.src": {func(ctx context.Context, _ func()) error {
			return wait(stream.Go(ctx, none, count))
		}},
		"stream.Go.sink": {func(ctx context.Context, started func()) error {
			return wait(stream.Go[int, int](ctx, untouched[int](started), nil))
		}},
		"stream.GroupBy.max": {badFlow(stream.GroupBy(0, id, func(int) stream.Flow[int, int] {
			return same
		}, nil)), badFlow(stream.GroupBy(-1, id, func(int) stream.Flow[int, int] { return same }, nil))},
		"stream.GroupBy.key": {badFlow(stream.GroupBy(1, nil, func(int) stream.Flow[int, int] {
			return same
		}, nil))},
		"stream.GroupBy.open": {badFlow(stream.GroupBy[int, int](1, id, nil, nil))},
		"stream.GroupBy.opts": {badFlow(stream.GroupBy(1, id, func(int) stream.Flow[int, int] {
			return same
		}, &stream.GroupByOptions{Idle: -1}))},
		"stream.IdleTimeout.d":  {badFlow(stream.IdleTimeout[int](0)), badFlow(stream.IdleTimeout[int](-1))},
		"stream.InitialDelay.d": {badFlow(stream.InitialDelay[int](-1))},
		"stream.Interleave.n": {fanIn(func(good ints) ints {
			return stream.Interleave(0, good)
		}), fanIn(func(good ints) ints { return stream.Interleave(-1, good) })},
		"stream.Interleave.srcs": {fanIn(func(good ints) ints { return stream.Interleave(1, good, nil) })},
		"stream.Into.f":          {badSink(stream.Into[int, int](nil, count))},
		"stream.Into.sink":       {badSink(stream.Into[int, int, int](same, nil))},
		"stream.Then.f":          {badFlow(stream.Then[int](nil, same))},
		"stream.Then.g":          {badFlow(stream.Then[int, int, int](same, nil))},
		"stream.KeepAlive.d":     {badFlow(stream.KeepAlive(0, zero)), badFlow(stream.KeepAlive(-1, zero))},
		"stream.KeepAlive.f":     {badFlow(stream.KeepAlive[int](1, nil))},
		"stream.LazyFlow.f":      {badFlow(stream.LazyFlow[int, int](nil))},
		"stream.Limit.n":         {badFlow(stream.Limit[int](-1))},
		"stream.LimitBytes.max":  {badFlow(stream.LimitBytes(-1, id))},
		"stream.LimitBytes.size": {badFlow(stream.LimitBytes[int](1, nil))},
		"stream.Log.logger":      {badFlow(stream.Log[int](nil, "x", nil))},
		"stream.Map.f":           {badFlow(stream.Map[int, int](nil))},
		"stream.MapErr.f":        {badFlow(stream.MapErr[int](nil))},
		"stream.MapKeyed.n": {
			badFlow(stream.MapKeyed(0, 1, id, try)),
			badFlow(stream.MapKeyed(-1, 1, id, try)), badFlow(stream.MapKeyed(math.MaxInt, 1, id, try)),
		},
		"stream.MapKeyed.perKey": {
			badFlow(stream.MapKeyed(1, 0, id, try)),
			badFlow(stream.MapKeyed(1, -1, id, try)),
		},
		"stream.MapKeyed.key": {badFlow(stream.MapKeyed[int, int, int](1, 1, nil, try))},
		"stream.MapKeyed.f":   {badFlow(stream.MapKeyed[int, int](1, 1, id, nil))},
		"stream.NewFlow.f":    {badFlow(stream.NewFlow[int, int](nil))},
		"stream.MapParallel.n": {
			badFlow(stream.MapParallel(0, try)), badFlow(stream.MapParallel(-1, try)),
			badFlow(stream.MapParallel(math.MaxInt, try)),
		},
		"stream.MapParallel.f":    {badFlow(stream.MapParallel[int, int](1, nil))},
		"stream.MapResource.open": {badFlow(stream.MapResource(nil, use, shut))},
		"stream.MapResource.f":    {badFlow(stream.MapResource[int, int, int](open, nil, shut))},
		"stream.MapState.start":   {badFlow(stream.MapState(nil, state, nil))},
		"stream.MapState.f":       {badFlow(stream.MapState[int, int, int](zero, nil, nil))},
		"stream.MapUnordered.n": {
			badFlow(stream.MapUnordered(0, try)), badFlow(stream.MapUnordered(-1, try)),
			badFlow(stream.MapUnordered(math.MaxInt, try)),
		},
		"stream.MapUnordered.f":           {badFlow(stream.MapUnordered[int, int](1, nil))},
		"stream.Measure.s":                {badFlow(stream.Measure(nil, same))},
		"stream.Measure.flow":             {badFlow(stream.Measure[int, int](new(stream.Stats), nil))},
		"stream.Merge.srcs":               {fanIn(func(good ints) ints { return stream.Merge(good, nil) })},
		"stream.MergeMap.n":               {badFlow(stream.MergeMap(0, after)), badFlow(stream.MergeMap(-1, after))},
		"stream.MergeMap.f":               {badFlow(stream.MergeMap[int, int](1, nil))},
		"stream.MergePreferred.preferred": {fanIn(func(good ints) ints { return stream.MergePreferred(nil, good) })},
		"stream.MergePreferred.others":    {fanIn(func(good ints) ints { return stream.MergePreferred(good, nil) })},
		"stream.MergeSequence.number":     {fanIn(func(good ints) ints { return stream.MergeSequence(nil, good) })},
		"stream.MergeSequence.srcs": {fanIn(func(good ints) ints {
			return stream.MergeSequence(func(n int) int64 { return int64(n) }, good, nil)
		})},
		"stream.MergeSorted.compare": {fanIn(func(good ints) ints { return stream.MergeSorted(nil, good) })},
		"stream.MergeSorted.srcs": {fanIn(func(good ints) ints {
			return stream.MergeSorted(cmp.Compare[int], good, nil)
		})},
		"stream.MergeWeighted.weights": {fanIn(func(good ints) ints {
			return stream.MergeWeighted([]int{0}, good)
		}), fanIn(func(good ints) ints {
			return stream.MergeWeighted([]int{-1}, good)
		}), fanIn(func(good ints) ints { return stream.MergeWeighted([]int{1, 2}, good) })},
		"stream.MergeWeighted.srcs": {fanIn(func(good ints) ints {
			return stream.MergeWeighted([]int{1, 1}, good, nil)
		})},
		"stream.Monitor.s": {badFlow(stream.Monitor[int](nil))},
		"stream.NewBroadcastHub.n": {
			badSink(stream.NewBroadcastHub[int](0)),
			badSink(stream.NewBroadcastHub[int](-1)), badSource(stream.NewBroadcastHub[int](0).Source()),
		},
		"stream.NewBudget.bytes": {
			func(ctx context.Context, started func()) error {
				ctx = stream.WithBudget(ctx, stream.NewBudget(0))
				return badFlow(stream.Async[int](1))(ctx, started)
			},
			func(ctx context.Context, _ func()) error {
				ctx = stream.WithBudget(ctx, stream.NewBudget(-1))
				return stream.OpenAccount(ctx, stream.Need{}).Acquire(ctx, 1)
			},
		},
		"stream.NewLimiter.rate": {
			badFlow(stream.Throttle[int](stream.NewLimiter(-1, 1), nil)),
			func(ctx context.Context, _ func()) error {
				return stream.NewLimiter(-1, 1).Wait(ctx, 1)
			},
		},
		"stream.NewLimiter.burst": {
			badFlow(stream.Throttle[int](stream.NewLimiter(1, 0), nil)),
			badFlow(stream.Throttle[int](stream.NewLimiter(1, -1), nil)),
		},
		"stream.NewPartitionHub.n": {badSink(stream.NewPartitionHub(0, func(int, int) int {
			return 0
		})), badSource(stream.NewPartitionHub(0, func(int, int) int { return 0 }).Source())},
		"stream.NewPartitionHub.choose": {
			badSink(stream.NewPartitionHub[int](1, nil)),
			badSource(stream.NewPartitionHub[int](1, nil).Source()),
		},
		"stream.OpenAccount.need": {badNeed(-1, 0), badNeed(0, -1), badNeed(2, 1)},
		"stream.OrElse.first":     {fanIn(func(good ints) ints { return stream.OrElse(nil, good) })},
		"stream.OrElse.second":    {fanIn(func(good ints) ints { return stream.OrElse(good, nil) })},
		"stream.Partition.choose": {badFlow(stream.Partition(nil, same))},
		"stream.Partition.flows": flows(func(fs ...stream.Flow[int, int]) stream.Flow[int, int] {
			return stream.Partition(id, fs...)
		}),
		"stream.FlatMapPrefix.n": {badFlow(stream.FlatMapPrefix(-1, func(context.Context, []int) (stream.Flow[int, int],
			error,
		) {
			return same, nil
		}))},
		"stream.FlatMapPrefix.f": {badFlow(stream.FlatMapPrefix[int, int](1, nil))},
		"stream.Reader.src": {func(ctx context.Context, _ func()) error {
			_, err := io.ReadAll(stream.Reader(ctx, nil))
			return err
		}},
		"stream.Recover.f": {badFlow(stream.Recover[int](nil))},
		"stream.RecoverWith.n": {
			badFlow(stream.RecoverWith(0, recov)),
			badFlow(stream.RecoverWith(-1, recov)),
		},
		"stream.RecoverWith.f": {badFlow(stream.RecoverWith[int](1, nil))},
		"stream.Restart.first": {badSource(stream.Restart(nil, id, after, nil))},
		"stream.Restart.position": {fanIn(func(good ints) ints {
			return stream.Restart[int, int](good, nil, after, nil)
		})},
		"stream.Restart.after": {fanIn(func(good ints) ints { return stream.Restart(good, id, nil, nil) })},
		"stream.Restart.opts": {fanIn(func(good ints) ints {
			return stream.Restart(good, id, after, &stream.RestartOptions{Backoff: *wrong})
		})},
		"stream.RestartFlow.n": {
			badFlow(stream.RestartFlow(0, same, settle, nil)),
			badFlow(stream.RestartFlow(-1, same, settle, nil)),
		},
		"stream.RestartFlow.flow":    {badFlow(stream.RestartFlow[int, int](1, nil, settle, nil))},
		"stream.RestartFlow.settles": {badFlow(stream.RestartFlow(1, same, nil, nil))},
		"stream.RestartFlow.b":       {badFlow(stream.RestartFlow(1, same, settle, wrong))},
		"stream.RestartSink.n": {
			badFlow(stream.RestartSink(0, count, nil)),
			badFlow(stream.RestartSink(-1, count, nil)),
		},
		"stream.RestartSink.sink": {badFlow(stream.RestartSink[int, int](1, nil, nil))},
		"stream.RestartSink.b":    {badFlow(stream.RestartSink(1, count, wrong))},
		"stream.ResultOf.sink":    {badFlow(stream.ResultOf[int, int](nil))},
		"stream.Retry.f": {func(ctx context.Context, _ func()) error {
			_, err := stream.Retry[int, int](nil, nil)(ctx, 1)
			return err
		}},
		"stream.Retry.b": {func(ctx context.Context, _ func()) error {
			_, err := stream.Retry(try, wrong)(ctx, 1)
			return err
		}},
		"stream.EachLent.src": {func(ctx context.Context, _ func()) error {
			return stream.EachLent(ctx, nil, func([]byte) error { return nil })
		}},
		"stream.EachLent.take": {func(ctx context.Context, started func()) error {
			return stream.EachLent(ctx, untouched[[]byte](started), nil)
		}},
		"stream.Run.src":           {badSource(none)},
		"stream.Run.sink":          {badSink[int, int](nil)},
		"stream.Scan.f":            {badFlow(stream.Scan[int](0, nil))},
		"stream.Skip.n":            {badFlow(stream.Skip[int](-1))},
		"stream.SkipFor.d":         {badFlow(stream.SkipFor[int](-1))},
		"stream.SkipWhile.drop":    {badFlow(stream.SkipWhile[int](nil))},
		"stream.Sliding.n":         {badFlow(stream.Sliding[int](0, 1)), badFlow(stream.Sliding[int](-1, 1))},
		"stream.Sliding.step":      {badFlow(stream.Sliding[int](1, 0)), badFlow(stream.Sliding[int](1, -1))},
		"stream.SplitAfter.cut":    {badFlow(stream.SplitAfter[int](nil))},
		"stream.SplitWhen.cut":     {badFlow(stream.SplitWhen[int](nil))},
		"stream.StallTimeout.d":    {badSink(stream.StallTimeout(0, count)), badSink(stream.StallTimeout(-1, count))},
		"stream.StallTimeout.sink": {badSink(stream.StallTimeout[int, int](1, nil))},
		"stream.Supervise.n": {
			badFlow(stream.Supervise(0, try, dead, nil)),
			badFlow(stream.Supervise(-1, try, dead, nil)),
		},
		"stream.Supervise.f":    {badFlow(stream.Supervise[int, int](1, nil, dead, nil))},
		"stream.Supervise.dead": {badFlow(stream.Supervise(1, try, nil, nil))},
		"stream.SuperviseTo.n": {badFlow(stream.SuperviseTo(0, try, sink.Discard[stream.DeadLetter[int]](), nil,
			nil))},
		"stream.SuperviseTo.f": {badFlow(stream.SuperviseTo[int, int](1, nil,
			sink.Discard[stream.DeadLetter[int]](), nil, nil))},
		"stream.SuperviseTo.dead": {badFlow(stream.SuperviseTo[int, int, int](1, try, nil, nil, nil))},
		"stream.Take.n":           {badFlow(stream.Take[int](-1))},
		"stream.TakeFor.d":        {badFlow(stream.TakeFor[int](-1))},
		"stream.TakeWhile.keep":   {badFlow(stream.TakeWhile[int](nil))},
		"stream.Throttle.l":       {badFlow(stream.Throttle[int](nil, nil))},
		"stream.TryMap.f":         {badFlow(stream.TryMap[int, int](nil))},
		"stream.Until.done":       {badFlow(stream.Until[int](nil))},
		"stream.Unzip.first":      {badSink(stream.Unzip[int, int, int](nil, count))},
		"stream.Unzip.second":     {badSink(stream.Unzip[int, int, int64, int](count, nil))},
		"stream.Via.src":          {badSource(stream.Via(none, same))},
		"stream.Via.f":            {fanIn(func(good ints) ints { return stream.Via[int, int](good, nil) })},
		"stream.WireTap.sink":     {badFlow(stream.WireTap[int, int](nil, nil))},
		"stream.Zip.a":            srcs(func(good ints) stream.Source[any] { return anyOf(stream.Zip(none, good)) }),
		"stream.Zip.b":            srcs(func(good ints) stream.Source[any] { return anyOf(stream.Zip(good, none)) }),
		"stream.ZipAll.a": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipAll(none, good, 0, 0))
		}),
		"stream.ZipAll.b": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipAll(good, none, 0, 0))
		}),
		"stream.ZipLatest.a": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipLatest(none, good))
		}),
		"stream.ZipLatest.b": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipLatest(good, none))
		}),
		"stream.ZipN.srcs": srcs(func(good ints) stream.Source[any] { return anyOf(stream.ZipN(good, none)) }),

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
		"source.Resource.open": {badSource(source.Resource(nil, next, shut))},
		"source.Resource.next": {badSource(source.Resource[int, int](open, nil, shut))},
		"source.Resource.shut": {badSource(source.Resource(open, next, nil))},
		"source.Seq.seq":       {badSource(source.Seq[int](nil))},
		"source.Seq2.seq":      {badSource(source.Seq2[int](nil))},
		"source.Tick.every":    {badSource(source.Tick(0)), badSource(source.Tick(-1))},
		"source.Unfold.f":      {badSource(source.Unfold[int, int](0, nil))},

		"sink.Chan.ch":     {badSink(sink.Chan[int](nil))},
		"sink.Create.open": {badSink(sink.Create(nil))},
		"sink.Defer.f":     {badSink(sink.Defer[int, int](nil))},
		"sink.File.opts":   {badSink(sink.File("x", &sink.FileOptions{Perm: 0o1_000_600}))},
		"sink.Fold.f":      {badSink(sink.Fold[int](0, nil))},
		"sink.ForEach.f":   {badSink(sink.ForEach[int](nil))},
		"sink.ForEachParallel.n": {badSink(sink.ForEachParallel(0, func(context.Context, int) error {
			return nil
		})), badSink(sink.ForEachParallel(-1, func(context.Context, int) error { return nil }))},
		"sink.ForEachParallel.f": {badSink(sink.ForEachParallel[int](1, nil))},
		"sink.Lazy.f":            {badSink(sink.Lazy[int, int](nil))},
		"sink.Reduce.f":          {badSink(sink.Reduce[int](nil))},
		"sink.TakeLast.n":        {badSink(sink.TakeLast[int](-1))},
		"sink.Writer.w":          {badSink(sink.Writer(nil))},

		"streamtest.FailAt.n":  {badFlow(streamtest.FailAt[int](-1, errBoom))},
		"streamtest.PanicAt.n": {badFlow(streamtest.PanicAt[int](-1, errBoom))},
		"streamtest.Short.n":   {badFlow(streamtest.Short[int](-1))},
		"streamtest.Slow.d":    {badFlow(streamtest.Slow[int](-1))},
		"streamtest.Stall.n":   {badFlow(streamtest.Stall[int](-1))},
	}
}

func badNeed(least, most int64) func(context.Context, func()) error {
	return func(ctx context.Context, _ func()) error {
		ctx = stream.WithBudget(ctx, stream.NewBudget(100))
		return stream.OpenAccount(ctx, stream.Need{Min: least, Max: most}).Acquire(ctx, 1)
	}
}

// These parameters are optional, for the reason given.
var optional = map[string]string{
	"stream.WithBudget.b":      "nil means that stages hold what their options say",
	"stream.AlsoTo.done":       "nobody wants the result",
	"stream.ConflateUpTo.cost": "each element counts as 1",
	"stream.DivertTo.done":     "nobody wants the result",
	"stream.FlatMapState.end":  "nothing follows the last element",
	"stream.Log.opts":          "the defaults",
	"stream.MapResource.shut":  "there is nothing to close",
	"stream.MapState.end":      "nothing follows the last element",
	"stream.Supervise.opts":    "the defaults",
	"stream.SuperviseTo.done":  "nobody wants the result",
	"stream.SuperviseTo.opts":  "the defaults",
	"stream.Throttle.cost":     "each element counts as 1",
	"stream.WireTap.done":      "nobody wants the result",
	"source.Range.from":        "any integer is one",
	"source.Range.to":          "any integer is one",
	"streamtest.FailAt.err":    "an error of the package's own",
	"streamtest.TestFlow.f":    "the suite's own options",
	"streamtest.TestSink.f":    "the suite's own options",
	"streamtest.TestSource.f":  "the suite's own options",
}

// An invalid setting is a clear error of every run, before anything starts.
func TestBadSettings(t *testing.T) {
	table := badSettings()
	for key, cases := range table {
		for i, run := range cases {
			for range 2 {
				started := false
				err := run(t.Context(), func() { started = true })
				pkg, _, _ := strings.Cut(key, ".")
				switch {
				case err == nil:
					t.Errorf("%s, %d: no error", key, i)
				case !strings.HasPrefix(err.Error(), pkg+": ") && !strings.HasPrefix(err.Error(), "stream: "):
					t.Errorf("%s, %d: the error %q does not say where it is from", key, i, err)
				case errors.Is(err, stream.ErrLimit) || errors.Is(err, context.Canceled):
					t.Errorf("%s, %d: %v", key, i, err)
				}
				if started {
					t.Errorf("%s, %d: the upstream was started", key, i)
				}
			}
		}
	}
	for _, p := range parameters(t) {
		_, tested := table[p.key]
		_, free := optional[p.key]
		if p.settable && !tested && !free {
			t.Errorf("no bad setting of %s is tested", p.key)
		}
	}
}

// An invalid setting that no run could report panics.
func TestBadSettingsThatPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"Limiter.Set": func() { stream.NewLimiter(1, 1).Set(-1) },
		"Budget.Set":  func() { stream.NewBudget(1).Set(0) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "stream: "+name+": ") {
					t.Errorf("%s: it panicked with %q", name, text)
				}
			}()
			f()
		}()
	}
}

// A source that can run only once fails if it runs again, and emits nothing.
func TestSingleUse(t *testing.T) {
	hub := stream.NewMergeHub[int]()
	hub.Close()
	queue := source.NewQueue[int](1)
	queue.Complete()
	ch := make(chan int)
	close(ch)
	pipe, w := source.Pipe()
	w.Close()
	for name, src := range map[string]stream.Source[any]{
		"MergeHub": anyOf[int](hub),
		"Queue":    anyOf[int](queue),
		"Chan":     anyOf(source.Chan(ch)),
		"Pipe":     anyOf(pipe),
		"Reader":   anyOf(source.Reader(strings.NewReader("x"))),
	} {
		if _, err := stream.Run(t.Context(), src, sink.Discard[any]()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := stream.Run(t.Context(), src, sink.Discard[any]()); err == nil || n != 0 {
			t.Errorf("%s, again: %d elements, %v", name, n, err)
		}
	}
	broadcast := stream.NewBroadcastHub[int](1)
	if _, err := stream.Run(t.Context(), source.Empty[int](), broadcast); err != nil {
		t.Error(err)
	}
	if _, err := stream.Run(t.Context(), source.Of(1), broadcast); err == nil {
		t.Error("a hub took a second producer")
	}
}

func rangeOver[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

func wait[R any](r *stream.Running[R]) error {
	_, err := r.Wait()
	return err
}

func anyOf[T any](src stream.Source[T]) stream.Source[any] {
	return stream.Via(src, stream.Map(func(v T) any { return v }))
}
