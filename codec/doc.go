// Package codec has the flows that turn bytes into other bytes and back: compression, framing, text forms, digests and limits.
//
// Every stage here is a [stream.Flow]. Byte streams come as chunks, and where a chunk is cut has no meaning; a flow that frames
// (lines, objects) emits one record an element. Pairs share a root: [Gzip] and [Gunzip], [SplitLines] and [JoinLines].
//
// What a decoder of this package accepts is complete and whole: a stream that was cut short, lacks its trailer, goes on behind its
// end or is empty where its format has a header ends in an error. Bytes that were emitted before the error are not to be trusted
// until the run has returned nil.
//
//   - Compression: [Gzip], [Zlib], [Deflate], [Zstd], [S2] and their mirrors [Gunzip], [Unzlib], [Inflate], [Unzstd], [UnS2]; [Detect] chooses by
//     the first bytes. With Parallelism they compress by several goroutines, into bytes that do not depend on how many, and number
//     or list what they write, so that a part that is missing, swapped or repeated is found.
//   - Framing: [SplitLines], [SplitDelimited], [SplitLengthField], [SplitJSONObjects] and the flows that join what they cut; [Rechunk].
//   - JSON of any Go type: [JSONLines], [JSONArray] and their parsers, whose errors name the place as an [*InputError].
//   - Text forms: [Base64], [Hex]. Beside the data: [Digest], [LimitRatio]; a limit on the bytes is [stream.LimitBytes].
//   - A flow and its mirror as one value: [Format], with the suffix of a file's name; [Verified] decodes what it has just encoded.
//
// Every decompressor has limits that hold by default: 16 TiB in all, 200,000 bytes for each one read, 128 MiB of window. They let pass
// whatever an encoder made of honest data. Who reads what strangers wrote sets MaxBytes to what there is room for, and MaxRatio to
// what the data can be.
//
// Any type of the io.WriteCloser and io.Reader kind becomes a flow by [Encoder] and [Decoder].
package codec
