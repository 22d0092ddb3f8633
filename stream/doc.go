// Package stream is the model of millweir: sources, flows and sinks, the operators that combine
// them, and the run that drives them.
//
// # Words
//
//   - An element is one value of a stream: a document, a line, a chunk.
//   - A chunk is an element of a byte stream: a []byte that is not empty. Chunk boundaries have no
//     meaning.
//   - A [Source] emits elements. A [Flow] turns one source into another. A [Sink] consumes a source
//     and returns one result. Each of them is a stage. Elements flow from upstream to downstream.
//   - A pipeline is a source, any number of flows and a sink. A run passes the elements through a
//     pipeline once.
//   - Backpressure is an emit that has not returned yet: the upstream waits for it.
//
// A pipeline reads in the order of the data:
//
//	body := stream.Via3(mongosource.Find(cookies, bson.D{}, nil),
//		bsoncodec.ExtJSON(nil),
//		codec.Gzip(nil),
//		agecodec.Encrypt(recipient),
//	)
//	object, err := stream.Run(ctx, body,
//		s3sink.Upload(client, "backups", "cookies.jsonl.gz.age", nil))
//
// # The contract
//
// Every stage keeps these rules. Package [github.com/millweir/millweir/stream/streamtest] checks
// them, for the stages of this library and for yours.
//
//  1. Stages are fused by default: a stage calls the next one on the caller's goroutine. Only
//     stages that say so start goroutines. They run them in one [Group], and all of them have
//     ended when Each or Consume returns.
//  2. Backpressure is a blocked emit. No buffer is unbounded; each stage states its memory.
//  3. emit is called on the goroutine that called Each, so never concurrently. It is not called
//     again after it has returned an error.
//  4. If emit fails, Each stops and returns that error unchanged. The first true cause wins: its
//     echoes (context canceled, io.ErrClosedPipe) never replace it, and errors of clean-up are
//     joined to it. Errors read "package: what: cause".
//  5. An early end ([Take], a break out of [All]) is not an error: the upstream is stopped, and
//     the run completes. A drain ([Running.Drain]) ends the sources instead and drops nothing.
//     Stages see a drain only as the end of their upstream. A stage that runs sources for an
//     element it has taken runs them in [WithoutDrain]. A source of one indivisible whole, such as
//     a file, ignores a drain.
//  6. nil means complete. A sink publishes only after its source returned nil. A run that ends
//     with an error leaves nothing that looks finished.
//  7. Cancelling the context ends a run within a second, clean-up included, with context.Cause. A
//     stage passes its context to its upstream, or a child of it with the same values.
//  8. An element belongs to its receiver. A stage never touches a slice again after it has emitted
//     it.
//  9. A stage is a description. Constructors do no I/O, start nothing and return no error: the run
//     reports invalid settings, before any I/O. Every run starts from the beginning. If the input
//     of a stage can be read only once, the stage's comment says so, and its second run fails.
//  10. A panic in a user's function surfaces in the goroutine that called [Run], as a
//     [*PanicError] with the original stack, after every stage has cleaned up. No stage swallows a
//     panic.
//  11. An operation on a server ends as done, failed or unknown. If a reply is unclear, the
//     stage checks the outcome or reports it as unknown. It never guesses.
//
// # Defaults
//
// Unless its comment says otherwise, a stage of this library
//
//   - is fused: it starts no goroutine and keeps the order;
//   - holds only the current element;
//   - completes when its upstream does;
//   - adds no errors except for invalid settings: an error of the upstream, or of a function that
//     it calls, ends the run unchanged.
//
// The comment of a stage lists the differences, under Memory, Order and goroutines, Errors and
// Limits.
//
// # Operators
//
// These are the operators by group. The page [operators] also states when each one emits, waits and
// completes, what it holds, and its counterpart in Akka Streams.
//
//   - Compose and run: [Run], [Go], [All], [Reader], [Via], [Via2], [Via3], [Then], [Into],
//     [NewFlow], [FlowOf], [FlowOfCoupled], [ResultOf], [Drainable].
//   - One element at a time: [Map], [TryMap], [FlatMap], [Filter], [FilterMap], [MapState],
//     [FlatMapState], [MapResource], [Scan], [Enumerate], [Intersperse], [Log].
//   - In parallel: [Async], [AsyncBytes], [MapParallel], [MapUnordered], [MapKeyed], [Balance],
//     [WithParallelism].
//   - Parts of a stream: [Take], [TakeWhile], [TakeFor], [Skip], [SkipWhile], [SkipFor], [Until],
//     [Limit], [LimitBytes].
//   - Batches: [Batch], [BatchWithin], [BatchBytes], [BatchBytesWithin], [Sliding], [Aggregate].
//   - Nested streams: [ConcatMap], [MergeMap], [FlatMapPrefix], [LazyFlow], [GroupBy],
//     [SplitWhen], [SplitAfter].
//   - Several sources: [Concat], [OrElse], [Merge], [MergePreferred], [MergeWeighted],
//     [MergeSorted], [MergeSequence], [Interleave], [CombineLatest], [Zip], [ZipAll], [ZipN],
//     [ZipLatest].
//   - Several sinks: [AlsoTo], [DivertTo], [WireTap], [OnResult], [Broadcast], [Partition],
//     [Unzip], [NewMergeHub], [NewBroadcastHub], [NewPartitionHub].
//   - Time and rate: [Throttle] with [NewLimiter], [Delay], [DelayFunc], [InitialDelay],
//     [KeepAlive], [IdleTimeout], [FirstTimeout], [StallTimeout].
//   - Different speeds: [Buffer], [Conflate], [ConflateUpTo], [Expand].
//   - Errors: [Retry], [Supervise], [SuperviseTo], [Restart], [RestartFlow], [RestartSink],
//     [Recover], [RecoverWith], [CompleteOn], [MapErr], [Fail].
//   - Positions: [Checkpoints], [StoreBatches], [Acknowledge], [Carry], [CarryBatch],
//     [CarryMapUnordered], [CarrySegments], [OnValue].
//   - Memory: [WithBudget] with [NewBudget], [WithReservation].
//   - Measurement: [Monitor], [MonitorBytes], [Measure], [Bottleneck].
//   - Helpers: [ByteLen], [ClassOf], [Mark], [Stopped], [Draining].
//   - To write a stage: [NewGroup], [EachLent], [OpenAccount], [WithoutStop], [WithoutDrain],
//     [Parallelism].
//
// [operators]: https://github.com/millweir/millweir/blob/main/docs/operators.md
package stream
