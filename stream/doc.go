// Package stream is the model of millweir: sources, flows and sinks, the operators that shape them, and the run that drives them.
//
// # Words
//
//   - An element is one value that passes: a document, a line, a chunk.
//   - A chunk is an element of a byte stream: a []byte of any length but zero. Where chunks are cut has no meaning.
//   - A [Source] emits elements. A [Flow] turns a source into another. A [Sink] consumes a source and returns one result.
//     Each of them is a stage; upstream is where the elements come from, downstream where they go.
//   - A pipeline is a source, seen through flows, with a sink. A run is one passage of the elements through it.
//   - Backpressure is an emit that does not return yet: the upstream waits.
//
// A pipeline reads in the order of the data:
//
//	body := stream.Via3(mongosource.Find(cookies, bson.D{}, nil),
//		bsoncodec.ExtJSON(nil),
//		codec.Gzip(nil),
//		agecodec.Encrypt(recipient),
//	)
//	object, err := stream.Run(ctx, body, s3sink.Upload(client, "backups", "cookies.jsonl.gz.age", nil))
//
// # The contract
//
// Every stage keeps these rules, and package [github.com/millweir/millweir/stream/streamtest] checks them, on ours and on yours.
//
//  1. Fused by default: a stage runs by calling its neighbour on the caller's goroutine. Only the stages that say so start
//     goroutines, under one [Group], and none is left when Each or Consume returns.
//  2. Backpressure is a blocked emit. Nothing is unbounded; each stage states its memory.
//  3. emit is called on the goroutine that called Each, hence never concurrently, and never after it returned an error.
//  4. If emit fails, Each stops and returns that error as it is. The first true cause wins; its echoes (context canceled,
//     io.ErrClosedPipe) never replace it; what clean-up adds is joined to it. Errors read "package: what: cause".
//  5. An early end ([Take], breaking out of [All]) is not an error: the upstream is stopped, and the run completes.
//     A drain ([Running.Drain]) ends the sources instead, and drops nothing: stages learn of it only as the end of their upstream.
//     Who runs sources for an element it has taken does so in [WithoutDrain]; what is one whole is never cut short.
//  6. nil means complete. A sink publishes only after its source returned nil; a run that ends in an error leaves nothing that looks finished.
//  7. Cancelling the context ends a run within a second, clean-up included, with context.Cause. A stage hands on its context to its
//     upstream, or a child of it with the same values.
//  8. An element belongs to whoever receives it: who emits a slice never touches it again.
//  9. A stage is a description. Constructors do no I/O, start nothing and return no error: bad settings are reported by the
//     run, before any I/O. Every run starts afresh; a stage over something that can be read once says so, and fails the second time.
//  10. A panic in a user's function surfaces in the goroutine that called [Run], as a [*PanicError] with the original stack, after every
//     stage cleaned up. No stage swallows one.
//  11. An operation on a server ends as done, failed or unknown: an unclear reply is settled by proof or reported, never guessed.
//
// # What the comments of stages leave out
//
// Unless its comment says otherwise, a stage of this library
//
//   - is fused: it starts no goroutine and keeps the order;
//   - holds no element but the one that passes;
//   - completes when its upstream does;
//   - has no errors of its own but for bad settings: those of the upstream and of the functions that it is given end the run, as they
//     are.
//
// Comments say what differs from that, and what is special: Memory, Order and goroutines, Errors, Limits.
package stream
