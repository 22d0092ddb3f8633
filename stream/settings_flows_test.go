package stream_test

import (
	"context"
	"math"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// badFlows has the invalid settings of operators with one upstream.
func badFlows() map[string][]badRun {
	type ints = stream.Source[int]
	var (
		id     = func(n int) int { return n }
		yes    = func(int) bool { return true }
		try    = func(_ context.Context, n int) (int, error) { return n, nil }
		add    = func(a, b int) int { return a + b }
		zero   = func() int { return 0 }
		put    = func(a, b int) (int, bool, error) { return a + b, false, nil }
		count  = sink.Discard[int]()
		same   = stream.Map(func(n int) int { return n })
		dead   = func(context.Context, stream.DeadLetter[int]) error { return nil }
		wrong  = &stream.Backoff{Factor: 0.5}
		state  = func(s *int, n int) (int, error) { return n, nil }
		many   = func(s *int, n int, emit func(int) error) error { return emit(n) }
		open   = func(context.Context) (int, error) { return 0, nil }
		use    = func(r int, _ context.Context, n int) (int, error) { return n, nil }
		shut   = func(int, context.Context) error { return nil }
		after  = func(int) ints { return nil }
		settle = func(in, out int) bool { return in == out }
		recov  = func(err error) (ints, error) { return nil, err }
		flows  = func(f func(...stream.Flow[int, int]) stream.Flow[int, int]) []badRun {
			return []badRun{badFlow(f()), badFlow(f(same, nil))}
		}
		none = stream.Source[int](nil)
	)
	return map[string][]badRun{
		"stream.Aggregate.add":     {badFlow(stream.Aggregate[int, int](zero, nil, id, 0))},
		"stream.Aggregate.harvest": {badFlow(stream.Aggregate[int, int, int](zero, put, nil, 0))},
		"stream.Aggregate.start":   {badFlow(stream.Aggregate(nil, put, id, 0))},
		"stream.Aggregate.within":  {badFlow(stream.Aggregate(zero, put, id, -1))},
		"stream.AlsoTo.sink":       {badFlow(stream.AlsoTo[int, int](nil))},
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
		"stream.BatchBytesWithin.d": {
			badFlow(stream.BatchBytesWithin(1, 0, id)),
			badFlow(stream.BatchBytesWithin(1, -1, id)),
		},
		"stream.BatchBytesWithin.max": {
			badFlow(stream.BatchBytesWithin(0, 1, id)),
			badFlow(stream.BatchBytesWithin(-1, 1, id)),
		},
		"stream.BatchBytesWithin.size": {badFlow(stream.BatchBytesWithin[int](1, 1, nil))},
		"stream.BatchWithin.d": {
			badFlow(stream.BatchWithin[int](1, 0)),
			badFlow(stream.BatchWithin[int](1, -1)),
		},
		"stream.BatchWithin.n": {
			badFlow(stream.BatchWithin[int](0, 1)),
			badFlow(stream.BatchWithin[int](-1, 1)),
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
		"stream.Carry.flow":          {badFlow(stream.Carry[string, int, int](nil))},
		"stream.CarryBatch.batch":    {badFlow(stream.CarryBatch[int, int](nil))},
		"stream.CarryMapUnordered.f": {badFlow(stream.CarryMapUnordered[int, int, int](2, nil))},
		"stream.CarryMapUnordered.n": {
			badFlow(stream.CarryMapUnordered[int](0, try)),
			badFlow(stream.CarryMapUnordered[int](math.MaxInt, try)),
		},
		"stream.CarrySegments.flow":   {badFlow(stream.CarrySegments[int, int, int](1, nil))},
		"stream.CarrySegments.n":      {badFlow(stream.CarrySegments[int](-1, same))},
		"stream.Checkpoints.position": {badFlow(stream.Checkpoints[int, int](nil))},
		"stream.CompleteOn.enough":    {badFlow(stream.CompleteOn[int](nil))},
		"stream.ConcatMap.f":          {badFlow(stream.ConcatMap[int, int](nil))},
		"stream.Conflate.add":         {badFlow(stream.Conflate(id, nil))},
		"stream.Conflate.seed":        {badFlow(stream.Conflate(nil, add))},
		"stream.ConflateUpTo.add":     {badFlow(stream.ConflateUpTo(1, nil, id, nil))},
		"stream.ConflateUpTo.max": {
			badFlow(stream.ConflateUpTo(0, nil, id, add)),
			badFlow(stream.ConflateUpTo(-1, nil, id, add)),
		},
		"stream.ConflateUpTo.seed": {badFlow(stream.ConflateUpTo(1, nil, nil, add))},
		"stream.Delay.d":           {badFlow(stream.Delay[int](-1))},
		"stream.DelayFunc.f":       {badFlow(stream.DelayFunc[int](nil))},
		"stream.DivertTo.divert":   {badFlow(stream.DivertTo(count, nil))},
		"stream.DivertTo.sink":     {badFlow(stream.DivertTo[int, int](nil, yes))},
		"stream.Expand.f":          {badFlow(stream.Expand[int, int](nil))},
		"stream.Filter.keep":       {badFlow(stream.Filter[int](nil))},
		"stream.FilterMap.f":       {badFlow(stream.FilterMap[int, int](nil))},
		"stream.FirstTimeout.d":    {badFlow(stream.FirstTimeout[int](0)), badFlow(stream.FirstTimeout[int](-1))},
		"stream.FlatMap.f":         {badFlow(stream.FlatMap[int, int](nil))},
		"stream.FlatMapPrefix.f":   {badFlow(stream.FlatMapPrefix[int, int](1, nil))},
		"stream.FlatMapPrefix.n": {badFlow(stream.FlatMapPrefix(-1, func(context.Context, []int) (stream.Flow[int, int],
			error,
		) {
			return same, nil
		}))},
		"stream.FlatMapState.f":     {badFlow(stream.FlatMapState[int, int, int](zero, nil, nil))},
		"stream.FlatMapState.start": {badFlow(stream.FlatMapState(nil, many, nil))},
		"stream.FlowOf.sink":        {badFlow(stream.FlowOf[int, int, int](nil, source.Of(1)))},
		"stream.FlowOf.src":         {badFlow(stream.FlowOf(count, none))},
		"stream.FlowOfCoupled.sink": {badFlow(stream.FlowOfCoupled[int, int, int](nil, source.Of(1)))},
		"stream.FlowOfCoupled.src":  {badFlow(stream.FlowOfCoupled(count, none))},
		"stream.GroupBy.key": {badFlow(stream.GroupBy(1, nil, func(int) stream.Flow[int, int] {
			return same
		}, nil))},
		"stream.GroupBy.max": {badFlow(stream.GroupBy(0, id, func(int) stream.Flow[int, int] {
			return same
		}, nil)), badFlow(stream.GroupBy(-1, id, func(int) stream.Flow[int, int] { return same }, nil))},
		"stream.GroupBy.open": {badFlow(stream.GroupBy[int, int](1, id, nil, nil))},
		"stream.GroupBy.opts": {badFlow(stream.GroupBy(1, id, func(int) stream.Flow[int, int] {
			return same
		}, &stream.GroupByOptions{Idle: -1}))},
		"stream.IdleTimeout.d":   {badFlow(stream.IdleTimeout[int](0)), badFlow(stream.IdleTimeout[int](-1))},
		"stream.InitialDelay.d":  {badFlow(stream.InitialDelay[int](-1))},
		"stream.KeepAlive.d":     {badFlow(stream.KeepAlive(0, zero)), badFlow(stream.KeepAlive(-1, zero))},
		"stream.KeepAlive.f":     {badFlow(stream.KeepAlive[int](1, nil))},
		"stream.LazyFlow.f":      {badFlow(stream.LazyFlow[int, int](nil))},
		"stream.Limit.n":         {badFlow(stream.Limit[int](-1))},
		"stream.LimitBytes.max":  {badFlow(stream.LimitBytes(-1, id))},
		"stream.LimitBytes.size": {badFlow(stream.LimitBytes[int](1, nil))},
		"stream.Log.logger":      {badFlow(stream.Log[int](nil, "x", nil))},
		"stream.Map.f":           {badFlow(stream.Map[int, int](nil))},
		"stream.MapErr.f":        {badFlow(stream.MapErr[int](nil))},
		"stream.MapKeyed.f":      {badFlow(stream.MapKeyed[int, int](1, 1, id, nil))},
		"stream.MapKeyed.key":    {badFlow(stream.MapKeyed[int, int, int](1, 1, nil, try))},
		"stream.MapKeyed.n": {
			badFlow(stream.MapKeyed(0, 1, id, try)),
			badFlow(stream.MapKeyed(-1, 1, id, try)), badFlow(stream.MapKeyed(math.MaxInt, 1, id, try)),
		},
		"stream.MapKeyed.perKey": {
			badFlow(stream.MapKeyed(1, 0, id, try)),
			badFlow(stream.MapKeyed(1, -1, id, try)),
		},
		"stream.MapParallel.f": {badFlow(stream.MapParallel[int, int](1, nil))},
		"stream.MapParallel.n": {
			badFlow(stream.MapParallel(0, try)), badFlow(stream.MapParallel(-1, try)),
			badFlow(stream.MapParallel(math.MaxInt, try)),
		},
		"stream.MapResource.f":    {badFlow(stream.MapResource[int, int, int](open, nil, shut))},
		"stream.MapResource.open": {badFlow(stream.MapResource(nil, use, shut))},
		"stream.MapState.f":       {badFlow(stream.MapState[int, int, int](zero, nil))},
		"stream.MapState.start":   {badFlow(stream.MapState(nil, state))},
		"stream.MapUnordered.f":   {badFlow(stream.MapUnordered[int, int](1, nil))},
		"stream.MapUnordered.n": {
			badFlow(stream.MapUnordered(0, try)), badFlow(stream.MapUnordered(-1, try)),
			badFlow(stream.MapUnordered(math.MaxInt, try)),
		},
		"stream.Measure.flow":     {badFlow(stream.Measure[int, int](new(stream.Stats), nil))},
		"stream.Measure.s":        {badFlow(stream.Measure(nil, same))},
		"stream.MergeMap.f":       {badFlow(stream.MergeMap[int, int](1, nil))},
		"stream.MergeMap.n":       {badFlow(stream.MergeMap(0, after)), badFlow(stream.MergeMap(-1, after))},
		"stream.Monitor.s":        {badFlow(stream.Monitor[int](nil))},
		"stream.MonitorBytes.s":   {badFlow(stream.MonitorBytes(nil))},
		"stream.NewFlow.f":        {badFlow(stream.NewFlow[int, int](nil))},
		"stream.OnValue.f":        {badFlow(stream.TryMap(stream.OnValue[int, int, int](nil)))},
		"stream.Partition.choose": {badFlow(stream.Partition(nil, same))},
		"stream.Partition.flows": flows(func(fs ...stream.Flow[int, int]) stream.Flow[int, int] {
			return stream.Partition(id, fs...)
		}),
		"stream.Recover.f":     {badFlow(stream.Recover[int](nil))},
		"stream.RecoverWith.f": {badFlow(stream.RecoverWith[int](1, nil))},
		"stream.RecoverWith.n": {
			badFlow(stream.RecoverWith(0, recov)),
			badFlow(stream.RecoverWith(-1, recov)),
		},
		"stream.Restart.after": {fanIn(func(good ints) ints { return stream.Restart(good, id, nil, nil) })},
		"stream.Restart.first": {badSource(stream.Restart(nil, id, after, nil))},
		"stream.Restart.opts": {fanIn(func(good ints) ints {
			return stream.Restart(good, id, after, &stream.RestartOptions{Backoff: *wrong})
		})},
		"stream.Restart.position": {fanIn(func(good ints) ints {
			return stream.Restart[int, int](good, nil, after, nil)
		})},
		"stream.RestartFlow.b":    {badFlow(stream.RestartFlow(1, same, settle, wrong))},
		"stream.RestartFlow.flow": {badFlow(stream.RestartFlow[int, int](1, nil, settle, nil))},
		"stream.RestartFlow.n": {
			badFlow(stream.RestartFlow(0, same, settle, nil)),
			badFlow(stream.RestartFlow(-1, same, settle, nil)),
		},
		"stream.RestartFlow.settles": {badFlow(stream.RestartFlow(1, same, nil, nil))},
		"stream.RestartSink.b":       {badFlow(stream.RestartSink(1, count, wrong))},
		"stream.RestartSink.n": {
			badFlow(stream.RestartSink(0, count, nil)),
			badFlow(stream.RestartSink(-1, count, nil)),
		},
		"stream.RestartSink.sink": {badFlow(stream.RestartSink[int, int](1, nil, nil))},
		"stream.ResultOf.sink":    {badFlow(stream.ResultOf[int, int](nil))},
		"stream.Scan.f":           {badFlow(stream.Scan[int](0, nil))},
		"stream.Skip.n":           {badFlow(stream.Skip[int](-1))},
		"stream.SkipFor.d":        {badFlow(stream.SkipFor[int](-1))},
		"stream.SkipWhile.drop":   {badFlow(stream.SkipWhile[int](nil))},
		"stream.Sliding.n":        {badFlow(stream.Sliding[int](0, 1)), badFlow(stream.Sliding[int](-1, 1))},
		"stream.Sliding.step":     {badFlow(stream.Sliding[int](1, 0)), badFlow(stream.Sliding[int](1, -1))},
		"stream.SplitAfter.cut":   {badFlow(stream.SplitAfter[int](nil))},
		"stream.SplitWhen.cut":    {badFlow(stream.SplitWhen[int](nil))},
		"stream.Supervise.dead":   {badFlow(stream.Supervise(1, try, nil, nil))},
		"stream.Supervise.f":      {badFlow(stream.Supervise[int, int](1, nil, dead, nil))},
		"stream.Supervise.n": {
			badFlow(stream.Supervise(0, try, dead, nil)),
			badFlow(stream.Supervise(-1, try, dead, nil)),
		},
		"stream.SuperviseTo.dead": {badFlow(stream.SuperviseTo[int, int, int](1, try, nil, nil))},
		"stream.SuperviseTo.f": {badFlow(stream.SuperviseTo[int, int](1, nil,
			sink.Discard[stream.DeadLetter[int]](), nil))},
		"stream.SuperviseTo.n":  {badFlow(stream.SuperviseTo(0, try, sink.Discard[stream.DeadLetter[int]](), nil))},
		"stream.Take.n":         {badFlow(stream.Take[int](-1))},
		"stream.TakeFor.d":      {badFlow(stream.TakeFor[int](-1))},
		"stream.TakeWhile.keep": {badFlow(stream.TakeWhile[int](nil))},
		"stream.Then.f":         {badFlow(stream.Then[int](nil, same))},
		"stream.Then.g":         {badFlow(stream.Then[int, int, int](same, nil))},
		"stream.TryMap.f":       {badFlow(stream.TryMap[int, int](nil))},
		"stream.Until.done":     {badFlow(stream.Until[int](nil))},
		"stream.WireTap.sink":   {badFlow(stream.WireTap[int, int](nil, nil))},
	}
}
