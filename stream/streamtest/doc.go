// Package streamtest tests stages of streams: ours, and those that users write.
//
// # Conformance suites
//
// [TestSource], [TestFlow] and [TestSink] check that a stage keeps the contract of package stream. A call is a few lines:
//
//	func TestGzip(t *testing.T) {
//		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
//			New: func() stream.Flow[[]byte, []byte] { return codec.Gzip(nil) },
//		})
//	}
//
// Each check is a subtest of its own, and says which rule of the contract was broken and what was seen. Rules have the numbers of
// package stream's documentation; every run is also looked at for what it leaves running (rule 1), how it calls emit (rule 3),
// whether its context reaches the upstream (rule 7), and whether it touches what it emitted (rule 8).
//
//	check                          rule  what is done to the stage
//	Empty, One, Many                  6  runs of no, one and many records; Want looks at the output
//	OneByteChunks, OddChunks,         6  byte streams only: the input is cut anew, the output must not change
//	  HugeChunk
//	SlowUpstream, SlowDownstream    3 6  a neighbour takes its time: the same output, no emit inside another
//	Constructor                       9  it is made and not run: no goroutine, no run of the upstream
//	BadSettings                       9  each of Bad is run: an error, before the upstream was started
//	RunTwice, RunAppliedTwice,        9  the same stage is run again, after a whole run and after one that failed, twice at the
//	  RunAfterFailure, RunAtOnce,        same time, and twice in one pipeline: every run gives the same
//	  TwiceInOnePipeline
//	SingleUse                         9  instead of these: the second run fails
//	UpstreamError                   4 6  the upstream fails at every element and at its end, in a short run and in a long one
//	DownstreamError                 3 4  every emit fails: that very error comes back, no other emit, and nothing more is taken
//	ForeignError                      4  a neighbour fails with an error that would mean something if the stage's own reader, pipe or
//	                                     context had returned it (io.EOF, context.Canceled…): it comes back, and is no end
//	CleanUpError                      4  the upstream adds an error of its clean-up to emit's: both are kept
//	FirstCause                        4  both sides fail, one because of the other: the first error is kept
//	EarlyEnd                          5  the downstream has had enough after every element: no error, the upstream is stopped
//	Cancel                            7  the context is cancelled before the start, inside every emit, while either side makes an
//	                                     element or waits, and whenever the stage itself waits: the context's cause, within a second
//	Deadline                          7  the run's deadline passes while a neighbour waits: the same
//	LeftBehind                        1  after the run, and after errors: no child context is left, and no timer that comes later
//	Ownership/Kept                    8  what was emitted is compared at the end of the run, and of the next
//	Ownership/Overwritten             8  the receiver overwrites each slice, to its capacity: later output must not change
//	ReadAhead                         2  how much is taken in while the downstream takes nothing
//	Panic, Goexit                    10  either side panics, or ends its goroutine, at every step: it comes out where the run was
//	                                     started, after clean-up
//
// Sinks are checked for what concerns their upstream, and with Published for when their work is visible: not before the source
// returned nil, and not at all, at once or later, when the run ends otherwise (rule 6).
//
// The checks run in bubbles of testing/synctest: waiting takes no time, and a deadlock is found at once. So the functions of the
// suite's options are called in a bubble: they must not call t.Run or t.Parallel, nor share channels and timers between the calls.
// With RealIO, the checks run on the wall clock, with short times and at fewer steps.
//
// A panic on a goroutine that a stage started without [stream.Group] cannot be caught and ends the test binary; its text says so. So
// does a stage that spins, or holds a mutex that its other run waits for, after some minutes of the world's time.
//
// # Faults
//
// [FailAt], [PanicAt], [Stall], [Slow] and [Short] wrap a source with a fault. Before a stage they are a bad upstream; after it, a
// bad downstream. They serve tests of whole pipelines: what does the backup leave behind when the 17th chunk fails?
//
// # Probes
//
// [ProbeSource] is a source that the test drives, step by step; [ProbeSink] is a sink that the test pulls. With both ends in hand,
// and the clock of a synctest bubble, a test says exactly what comes when, and what does not.
package streamtest
