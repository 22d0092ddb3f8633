// Package streamtest tests stages of streams: those of this library, and those of its users.
//
// # Conformance suites
//
// [TestSource], [TestFlow] and [TestSink] check that a stage keeps the contract of package stream.
// A call takes a few lines:
//
//	func TestGzip(t *testing.T) {
//		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
//			New: func() stream.Flow[[]byte, []byte] { return codec.Gzip(nil) },
//		})
//	}
//
// Each check is a subtest. If it fails, it reports which rule of the contract the stage broke, and
// what the stage did. Rules have their numbers from package stream's documentation. Every check
// also verifies that the run leaves nothing running (rule 1), that it calls emit correctly (rule
// 3), that its context reaches the upstream (rule 7), and that it does not touch what it emitted
// (rule 8).
//
//	check                  rule  what the check does
//	Empty, One, Many          6  runs with no, one and many records; Want checks the output
//	OneByteChunks,            6  byte streams only: splits the input differently;
//	  OddChunks, HugeChunk         the output must not change
//	SlowUpstream,           3 6  slows a neighbour: the output must be the same, with one emit
//	  SlowDownstream               at a time
//	Constructor               9  makes the stage without running it: no goroutine, and no run of
//	                               the upstream
//	BadSettings               9  runs each of Bad: an error, before the upstream starts
//	RunTwice,                 9  runs one stage again: after a complete run, after a failed one,
//	  RunAppliedTwice,             twice concurrently, and twice in one pipeline; every run must
//	  RunAfterFailure,             give the same
//	  RunAtOnce,
//	  TwiceInOnePipeline
//	SingleUse                 9  instead of these: the second run must fail
//	UpstreamError           4 6  the upstream fails at every element and at its end, in a short
//	                               run and in a long one
//	DownstreamError         3 4  every emit fails: the same error comes back, no emit follows, and
//	                               the stage takes no more elements
//	ForeignError              4  a neighbour fails with an error that has a meaning if the stage's
//	                               own reader, pipe or context returns it, such as io.EOF or
//	                               context.Canceled: the error comes back, and does not end the
//	                               run as complete
//	CleanUpError              4  the upstream joins an error of its clean-up to emit's: both stay
//	FirstCause                4  both sides fail, one because of the other: the first error stays
//	EarlyEnd                  5  the downstream ends after every element: no error, and the
//	                               upstream is stopped
//	Cancel                    7  cancels the context before the start, inside every emit, while a
//	                               neighbour makes an element or waits, and whenever the stage
//	                               waits: the context's cause, within a second
//	Deadline                  7  the run's deadline passes while a neighbour waits: the same
//	LeftBehind                1  after runs and errors: no child context and no timer remains
//	Ownership/Kept            8  compares the emitted elements at the end of the run and of the
//	                               next
//	Ownership/Overwritten     8  overwrites each slice up to its capacity: later output must not
//	                               change
//	ReadAhead                 2  counts what the stage takes while the downstream takes nothing
//	Panic, Goexit            10  a neighbour panics, or ends its goroutine, at every step: this
//	                               surfaces where the run was started, after clean-up
//
// Sinks run the checks of their upstream. With Published, these also check when a sink's work
// becomes visible: not before the source returned nil, and never if the run ends in another way
// (rule 6).
//
// The checks run in bubbles of testing/synctest: waits take no real time, and a deadlock is found
// at once. So the suite calls the functions of its options in a bubble: they must not call t.Run or
// t.Parallel, and must not share channels or timers between calls. With RealIO, the checks run on
// the wall clock, with short delays and at fewer steps.
//
// A panic on a goroutine that a stage started without [stream.Group] cannot be caught and ends the
// test binary; its text says so. A stage that spins, or that holds a mutex for which another of its
// runs waits, also ends the test binary, after some minutes of wall-clock time.
//
// # Faults
//
// [FailAt], [PanicAt], [Stall], [Slow] and [Short] are flows with a fault. Before a stage they are
// a bad upstream, and after it a bad downstream. Use them in tests of whole pipelines: for example,
// to check what a backup has stored if the 17th chunk fails.
//
// # Probes
//
// [ProbeSource] is a source that the test drives step by step. [ProbeSink] is a sink that the test
// pulls from. With both, and the clock of a synctest bubble, a test controls the exact order and
// time of events, and checks that other events do not happen.
package streamtest
