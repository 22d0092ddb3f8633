// Package s3sink stores byte streams as objects in Amazon S3 and in what speaks its protocol.
//
//	object, err := stream.Run(ctx, body, s3sink.Upload(client, "backups", "cookies.jsonl.gz.age", nil))
//
// An object is visible only once its stream has ended well: a run that fails or is cancelled leaves nothing at the key and,
// as far as the server can be reached, no unfinished upload.
//
// # Proof
//
// A run returns nil only if something proves that its own object is stored. A reply with status 200 is no proof by itself: proxies
// make them up, and versitygw gives one, with the right ETag, for an upload that someone else has aborted.
//
// Proof is the object's CRC64NVME in the reply, or a HEAD of the key (or of the version that the reply names) which shows the run's
// write token, a random value in the metadata x-amz-meta-millweir-write-token ([MetadataWriteToken]), with a size and a checksum that
// do not contradict what was sent. The same bytes without that token are another writer's.
//
// A reply that reports success without a checksum, and a HEAD that shows
//
//   - our token and the right size and checksum: success.
//   - the object that the reply names, by its ETag, with another size or checksum: [ErrMismatch].
//   - another object or none: the upload is aborted. If the service accepts that, it was never completed: [ErrNotStored]. So it is
//     if the object is older than the upload by more than a quarter of an hour of the service's own clock, and not a multipart
//     object, which S3 dates to the beginning of its upload. Otherwise the object may have been stored and replaced: [ErrOutcomeUnknown].
//   - the same bytes without any metadata: [ErrOutcomeUnknown]. The object is another's, or the service keeps no metadata; such a
//     service can be used if it replies with checksums.
//   - nothing, because the service does not answer for AbortTimeout, or refuses with anything but 403: [ErrOutcomeUnknown].
//
// A writer without the right to read (HEAD answers 403) needs no HEAD if replies have the checksum, as those of Amazon S3, MinIO and
// versitygw do. Without it the reply is believed in two cases. The reply to a PutObject, if its ETag is the MD5 of the body: the
// service has read it. The reply to CompleteMultipartUpload, if the service gave no checksums for the parts either, with
// ChecksumNone for example: nothing in it can then be compared. One case remains in which that is wrong: versitygw, ChecksumNone, no
// right to read, an older object at the key, and an upload that someone else aborts. All else is [ErrOutcomeUnknown].
//
// A last request whose reply was lost, or says that something went wrong, is followed by the same HEAD. It succeeds if that shows
// our token. An upload that is still unfinished is aborted, and then has failed. If an attempt got no reply the service may still be
// working on it, whatever it says to the attempts after it: no object at the key proves nothing then, and the outcome is unknown unless the
// upload could be aborted. A client of your own must pass on the options that it is given: the attempts are watched by them.
//
// # Retries
//
// The client's own retries apply, whatever they are set to. As well as those, a request is made again if its body was damaged on
// its way, if its credentials had expired (the client's provider is asked for new ones), and while the service asks to slow down, for
// SlowDownTimeout. In a versioned bucket each attempt of a PutObject whose reply was lost may leave a version. Every error has a class for [github.com/millweir/millweir/stream.ClassOf]: one of unknown outcome is never
// run again blindly, neither by stream.Retry nor by stream.RestartSink.
//
// # What a server may do
//
// Every request has a deadline for each attempt, RequestTimeout. A reply ends at 1 MiB, its header at the HTTP client's limit (10 MiB
// in net/http), an ETag and an upload id at 2 KiB: more is an error.
//
// No redirect is followed, since a request carries the session token, which is good at any host. The error names the host or the region
// that the server wants. The client's *http.Client is used with its own transport; in place of the SDK's own HTTP client stands one with the
// same settings and connections of its own. Another type of HTTP client must not follow redirects itself: if it does, that is an error.
//
// Text of a server is escaped in errors and cut at 1 KiB, and of a URL only the host is left. errors.As finds the SDK's errors, whose
// own text is neither. The request that they refer to has its method and host only: no signature, no token.
//
// # Cleaning up
//
// An upload is aborted once no part is in flight any more, on a context of its own. A part without a reply may arrive after the
// abort, so such an upload is aborted again 0.1 s later, and once more if that was needed. A server that does not answer is asked
// again for AbortTimeout at most. What is left then, or if the reply to the first request of an upload was lost, is found by
// [AbortPending].
//
// If the run is cancelled while the last request is under way, that has half a second to be answered. The run succeeds if the
// object proves to be stored; otherwise its error is the cause, or wraps it with [ErrOutcomeUnknown].
package s3sink
