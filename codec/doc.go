// Package codec has the flows that turn bytes into other bytes and back: compression, framing, text forms, digests and limits.
//
// Every stage here is a [stream.Flow]. Byte streams come as chunks, and where a chunk is cut has no meaning; a flow that frames
// (lines, objects) emits one record an element. Pairs share a root: [Gzip] and [Gunzip], [Lines] and [JoinLines].
//
// What a decoder of this package accepts is complete and whole: a stream that was cut short, lacks its trailer, goes on behind its
// end or is empty where its format has a header ends in an error. Bytes that were emitted before the error are not to be trusted
// until the run has returned nil.
//
// Any type of the io.WriteCloser and io.Reader kind becomes a flow by [Writer] and [Reader].
package codec
