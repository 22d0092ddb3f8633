// Package s3test is an S3 server that runs in the test's process, with faults that the test
// scripts.
//
//	server := s3test.New(nil)
//	defer server.Close()
//	server.CreateBucket("backups")
//	server.Fault(s3test.Fault{Op: "UploadPart", Part: 2, Before: s3test.Fail(500, "InternalError")})
//	client := s3.New(s3.Options{
//		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
//	})
//
// # What it does
//
// It keeps objects in memory and behaves as S3 does, as far as a program can notice:
//
//   - PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects; ranges, single parts, versions
//     and delete markers, Object Lock, If-Match and If-None-Match: *, and user metadata. It keeps
//     the headers for encryption, storage class and the like without acting on them, and confirms
//     the encryption. With [Options].TLS it takes the keys of customers (SSE-C), and refuses a
//     request without the right key.
//   - CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload. As S3 does,
//     it checks the number and the size of parts, their order, ETags and checksums, and the
//     announced size.
//   - ListParts; ListObjectsV2 and ListObjectVersions with prefix, delimiter, pages and encoded
//     keys; ListMultipartUploads with prefix, pages and encoded keys; CreateBucket, HeadBucket,
//     GetBucketVersioning, GetObjectLockConfiguration.
//   - Content-MD5, the signed SHA-256 of a body, and CRC64NVME, CRC32, CRC32C, SHA-1 and SHA-256 in
//     headers. It rejects a body that does not match.
//
// It rejects an unknown request with NotImplemented. It has no access control, and does not check
// signatures.
//
// With [Options].Service it deviates from Amazon S3 as another [Service] does.
//
// A test inspects the server with [Server.Object], [Server.Versions], [Server.Uploads],
// [Server.Requests] and [Server.Count]. It changes the contents with [Server.Put], [Server.Remove],
// [Server.AbortUpload], [Server.DropPart] and [Server.Age].
//
// # Faults
//
// A [Fault] matches requests by operation, key and part. It skips the first Skip of them and
// affects the next Times. It acts before the request is executed, usually in place of it, or
// afterwards on the reply:
//
//	Before                       the request is not executed
//	  Fail(503, "SlowDown")      an error of the service
//	  Drop                       the connection is reset
//	  Hang                       no reply, ever
//	  Flip                       a bit of the body is changed before the request is executed
//	After                        the request is executed
//	  Lose                       the connection is reset instead of the reply
//	  Stall                      no reply, ever
//	  Say("")                    a 200 with another body: empty, HTML, an error
//	  CutAfter(n)                the connection is reset after n bytes of the body
//	  Shorten(n)                 only n bytes of the body, with a matching Content-Length
//	  ShortenChunked(n)          only n bytes of the body, without a Content-Length
//
// Both are plain functions. A test's own function may inspect the [Request], cancel a context,
// replace an object, change a header of the [Reply], or set its Delay.
package s3test
