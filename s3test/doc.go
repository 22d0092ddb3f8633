// Package s3test is an S3 server in the test's own process, whose faults a test writes down.
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
// It keeps objects in memory and follows S3 where a program would notice:
//
//   - PutObject, GetObject, HeadObject, DeleteObject; ranges, versions, If-Match and If-None-Match: *, user metadata, and the
//     headers for encryption, storage class and the like, which it keeps and does nothing about; the first it confirms.
//   - CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload: with the least
//     and the greatest number and size of parts, their order, ETags and checksums, and the announced size, checked as S3 does.
//   - ListObjectsV2 with prefix and pages; ListMultipartUploads with them and encoded keys; CreateBucket, HeadBucket.
//   - Content-MD5, the signed SHA-256 of a body, and CRC64NVME, CRC32, CRC32C, SHA-1 and SHA-256 in headers: a body that does not have them is refused.
//
// What it does not know it refuses with NotImplemented; it does not ignore it. It has no access control, and does not check signatures.
//
// A test looks behind the protocol with [Server.Object], [Server.Versions], [Server.Uploads], [Server.Requests] and [Server.Count], and changes what
// is stored with [Server.Put], [Server.Remove], [Server.AbortUpload], [Server.DropPart] and [Server.Age].
//
// # What can go wrong
//
// A [Fault] hits the requests of an operation, an object and a part, after Skip of them and Times times. It acts before the
// request is carried out, so that it is not, or after, so that only the reply is lost or wrong:
//
//	Before                       the request is not carried out
//	  Fail(503, "SlowDown")      an error of the service
//	  Drop                       the connection is reset
//	  Hang                       no reply, ever
//	  Flip                       a bit of the body is changed on the way; it is then carried out, or refused
//	After                        the request is carried out
//	  Lose                       the connection is reset in place of the reply
//	  Stall                      no reply, ever
//	  Say("")                    a 200 with another body: empty, HTML, an error
//	  CutAfter(n)                the connection is reset after n bytes of the body
//	  Shorten(n)                 n bytes of the body, as if they were all
//	  ShortenChunked(n)          the same, without a Content-Length
//
// Both are plain functions: a test's own may look at the [Request], cancel a context, replace an object, change a header of the
// [Reply], or give it a Delay.
package s3test
