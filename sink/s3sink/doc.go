// Package s3sink stores byte streams as objects in Amazon S3 and compatible services.
//
//	object, err := stream.Run(ctx, body,
//		s3sink.Upload(client, "backups", "cookies.jsonl.gz.age", nil))
//
// An object becomes visible only after its stream has ended without an error. A run that fails or
// is cancelled stores nothing at the key. If the server can be reached, it leaves no unfinished
// upload.
//
// # Proof
//
// A run returns nil only with proof that its own object is stored. A reply with status 200 is not
// proof: proxies make up such replies, and versitygw sends one, with the right ETag, for an upload
// that another client has aborted.
//
// There are two kinds of proof. The first is the object's checksum in the reply. The second is a
// HEAD of the key, or of the version that the reply names, that shows the run's write token: a
// random value in the metadata x-amz-meta-millweir-write-token ([MetadataWriteToken]). The size and
// the checksum that the HEAD shows must not contradict the sent data. An object with the same bytes
// but without the token belongs to another writer.
//
// If a reply reports success without a checksum, the HEAD decides:
//
//   - It shows our token and the right size and checksum: success.
//   - It shows the ETag of the reply, but another size or checksum: [ErrMismatch].
//   - It shows no object, or another one: the upload is aborted. If the service accepts the abort,
//     the upload was never completed: [ErrNotStored]. The error is the same if the other object is
//     older than the upload by more than 15 minutes of the service's own clock. This does not apply
//     to a multipart object, because S3 dates it to the beginning of its upload. In all other cases
//     the object may have been stored and then replaced: [ErrOutcomeUnknown].
//   - It shows the same bytes without any metadata: [ErrOutcomeUnknown]. Either the object belongs
//     to another writer, or the service keeps no metadata. Such a service can be used only if its
//     replies have checksums.
//   - The service does not answer within RetryTimeout, or refuses the HEAD with another status than
//     403: [ErrOutcomeUnknown].
//
// A writer without the right to read gets 403 for the HEAD. It needs no HEAD if replies have the
// checksum, as the replies of Amazon S3, MinIO and versitygw do. Without a checksum the reply is
// trusted in two cases, and the outcome is [ErrOutcomeUnknown] in all others:
//
//   - The ETag in the reply to a PutObject is the MD5 of the body. The service has read the body.
//   - In a multipart upload the service has sent no checksums for the parts either, for example
//     with ChecksumMD5 or ChecksumNone. Then the reply contains nothing that could be compared.
//
// The second case is wrong in one known situation: versitygw, ChecksumNone, no right to read, an
// older object at the key, and another client that aborts the upload.
//
// The same HEAD follows a last request whose reply is lost or reports an error. The run succeeds if
// the HEAD shows our token. Otherwise the upload is aborted. If the service accepts the abort, the
// upload was still unfinished, and the run fails, even if the HEAD was refused or not answered.
// After an attempt without a reply the service may still be working on the request, whatever it
// answers to later attempts. Then a key without an object proves nothing, and the outcome is
// unknown unless the upload could be aborted. A custom client must pass on the options of each
// call, because they observe the attempts.
//
// # Retries
//
// The client's own retries apply, as configured. After them, a request that failed for a transient
// reason is repeated with growing pauses, for at most RetryTimeout from its first failure. Such
// reasons are a service that is busy or fails (429, 500, 502, 503, 504, SlowDown, RequestTimeout,
// OperationAborted), a connection that breaks or stalls, a damaged body, and expired credentials,
// for which the client's provider is asked for new ones. After the first answer of the service, a
// host name without an address and a failing credentials provider are outages too; before it, they
// are wrong settings. A reply of success that cannot be used, such as the HTML page of a proxy,
// leads to two more requests.
//
// In a versioned bucket, each attempt of a PutObject without a reply may leave a version. Every
// error has a class ([github.com/millweir/millweir/stream.ClassOf]). A run with an unknown outcome
// is not repeated by stream.Retry or stream.RestartSink.
//
// # Untrusted servers
//
// An attempt of a request ends if no byte is accepted or received for StallTimeout, or if it is
// slower than 16 KiB a second. A reply may have 1 MiB, an ETag and an upload id 2 KiB, and a header
// what the HTTP client allows (10 MiB in net/http). More is an error.
//
// No redirect is followed, because a request carries the session token, which is valid at any host.
// The error names the host or the region that the server asks for. An *http.Client keeps its
// transport. The SDK's own HTTP client is replaced by one with the same settings and separate
// connections. An HTTP client of another type must not follow redirects: if it does, that is an
// error.
//
// Errors escape the text of a server and cut it at 1 KiB, and show only the host of a URL.
// errors.As finds the SDK's errors, but their own text is not escaped or cut. The request that they
// refer to has only its method and host, without signature and token.
//
// # Cleaning up
//
// If the source fails while the upload begins, the run waits for the reply with the upload's id.
// An upload is aborted after its last part has ended, on a separate context. A part without a reply
// may arrive after the abort. Such an upload is aborted again after 0.1 s, and once more if that
// was necessary. If the server does not answer, the abort is repeated for at most AbortTimeout.
// [AbortPending] finds the uploads that remain, including one whose first reply was lost.
//
// If the run is cancelled during the last request, the request has half a second to be answered.
// The run succeeds if the object is proved to be stored. Otherwise its error is the cause of the
// cancellation, or [ErrOutcomeUnknown] wrapping that cause.
package s3sink
