// Package codec has the flows that turn bytes into other bytes and back: compression, framing, text
// encodings, digests and limits.
//
// Every stage is a [stream.Flow]. A byte stream is a sequence of chunks, and chunk boundaries have
// no meaning. A flow that frames (lines, objects) emits one record per element. Pairs share a root:
// [Gzip] and [Gunzip], [SplitLines] and [JoinLines]. Unless its comment says otherwise, a stage
// starts no goroutine and keeps the order.
//
// A decoder of this package accepts only a complete stream. A stream that was cut, that lacks its
// trailer, that continues after its end, or that is empty although its format has a header ends the
// run with an error. Do not trust the bytes that a decoder emitted before the run returned nil.
//
//   - Compression: [Gzip], [Zlib], [Deflate], [Zstd], [S2] and their mirrors [Gunzip], [Unzlib],
//     [Inflate], [Unzstd], [UnS2]; [Detect] chooses the mirror by the first bytes. With
//     Parallelism, several goroutines compress. The output does not depend on their number, and its
//     parts are numbered or listed, so that the mirror finds a part that is missing, swapped or
//     repeated.
//   - Framing: [SplitLines], [SplitDelimited], [SplitLengthField], [SplitJSONObjects] and the flows
//     that join what they split; [Rechunk].
//   - JSON of any Go type: [JSONLines], [JSONArray] and their parsers. Their errors are an
//     [*InputError] with the position.
//   - Text encodings: [Base64], [Hex]. Checks: [Digest], [LimitRatio], [stream.LimitBytes].
//   - Pairs: [Format] is a flow and its mirror as one value, with the suffix of a file name.
//     [Verified] decodes the output of its encoder as a check.
//
// Every decompressor has limits by default: 16 TiB of output, 200,000 bytes of output for each byte
// of input, a window of 128 MiB. They accept the output of any encoder for ordinary data. To read
// untrusted data, set MaxBytes to the space you have, and MaxRatio to a ratio that the data can
// reach.
//
// # Goroutines and memory
//
// The option Parallelism is the number of goroutines of one stage. If it is 0, the stage uses those
// of [stream.WithParallelism], by default none.
//
// A stage makes its tables, windows and blocks when its first bytes arrive. In a context of
// [stream.WithBudget] it takes their memory from the budget. It needs the memory of one block,
// frame or member, and takes more while there is some, up to the number that keeps its goroutines
// busy. If its option says how many goroutines it has, a budget with less than the memory of all of
// them is an error of the run. A gunzip without goroutines takes 250 KiB, which is not counted.
//
// [Encoder] and [Decoder] turn any type like gzip.Writer or gzip.Reader into a flow.
package codec
