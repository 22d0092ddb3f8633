package s3sink_test

import (
	"strings"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
)

// fatalFaults returns the faults that end the run with an error.
func fatalFaults() []faultCase {
	const single, parts = 50, 950
	old := []byte("an older backup")
	return []faultCase{
		{
			name: "U2 create 500", size: parts, want: failed, err: coded("InternalError"),
			faults: []s3test.Fault{{
				Op: "CreateMultipartUpload", Times: always,
				Before: s3test.Fail(500, "InternalError"),
			}},
		},
		{
			name: "U2 part 500", size: parts, want: failed, err: coded("InternalError"),
			faults: []s3test.Fault{{
				Op: "UploadPart", Part: 3, Times: always,
				Before: s3test.Fail(500, "InternalError"),
			}},
		},
		{
			name: "U2 part reset", size: parts, want: failed,
			faults: []s3test.Fault{{Op: "UploadPart", Part: 10, Times: always, Before: s3test.Drop}},
		},
		{
			name: "U2 complete 500", size: parts, want: failed, err: coded("InternalError"),
			faults: []s3test.Fault{{
				Op: "CompleteMultipartUpload", Times: always,
				Before: s3test.Fail(500, "InternalError"),
			}},
		},
		{
			name: "U2 complete reset", size: parts, want: failed,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop}},
		},
		{
			name: "U2 put 500", size: single, want: failed, err: coded("InternalError"),
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Fail(500, "InternalError")}},
		},
		{name: "U2 put reset", size: single, want: unknown, // the server may still be executing it
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Drop}}},

		{
			name: "U3 error in a 200", size: parts, want: failed, err: coded("InternalError"),
			faults: []s3test.Fault{{
				Op: "CompleteMultipartUpload", Times: always,
				Before: say("<Error><Code>InternalError</Code></Error>"),
			}},
		},

		{
			name: "U4 empty 200, not complete", size: parts, want: failed,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Times: always, Before: say("")}},
		},
		{
			name: "U4 blank 200, not complete", size: parts, want: failed,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Times: always, Before: say("  \n ")}},
		},
		{
			name: "U4 HTML 200, not complete", size: parts, want: failed,
			faults: []s3test.Fault{{
				Op: "CompleteMultipartUpload", Times: always,
				Before: say("<html><body>Welcome</body></html>"),
			}},
		},
		{
			name: "U4 garbage 200, not complete", size: parts, want: failed,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Times: always, Before: say("\x00\xff{")}},
		},
		{
			name: "U4 put without ETag, not stored", size: single, want: failed,
			faults: []s3test.Fault{{Op: "PutObject", Before: say("")}},
		},
		{
			name: "U4 put without ETag, not stored, older object", size: single, want: failed, old: old,
			faults: []s3test.Fault{
				{Op: "PutObject", Before: say("")}, {Op: "HeadObject", Times: always, After: aged},
			},
		},

		{
			name: "U4 put without ETag, not stored, older object of the same length", size: single, want: failed,
			old: random(single + 1)[:single],
			faults: []s3test.Fault{
				{Op: "PutObject", Before: say("")}, {Op: "HeadObject", Times: always, After: aged},
			},
		},
		{
			name: "U4 put without ETag, not stored, older object, no checksum", size: single, want: failed, old: old,
			opts: s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{
				{Op: "PutObject", Before: say("")}, {Op: "HeadObject", Times: always, After: aged},
			},
		},

		{
			name: "U5 NoSuchUpload for an upload that is unfinished", size: parts, old: old, want: failed,
			err: coded("NoSuchUpload"),
			faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", Before: s3test.Drop},
				{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Fail(404, "NoSuchUpload")},
			},
		},
		{
			name: "U5 aborted by another, not lost, older object", size: parts, old: old, want: pending,
			err: coded("NoSuchUpload"),
			faults: []s3test.Fault{{
				Op: "CompleteMultipartUpload", Times: always,
				Before: s3test.Fail(404, "NoSuchUpload"),
			}},
		},

		{
			name: "U6 every reply lost, no right to look", size: parts, want: unknown,
			faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", After: s3test.Lose},
				{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop},
				{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")},
			},
		},
		{name: "U9 abort fails", size: parts, want: pending, err: func(err error) bool {
			return coded("NoSuchKey")(err) && strings.Contains(err.Error(), "upload-1") &&
				strings.Contains(err.Error(), "AccessDenied")
		}, faults: []s3test.Fault{
			{Op: "UploadPart", Part: 2, Before: s3test.Fail(404, "NoSuchKey")},
			{Op: "AbortMultipartUpload", Times: always, Before: s3test.Fail(403, "AccessDenied")},
		}},
		{name: "U9 abort fails for a while", size: parts, want: failed, err: coded("NoSuchKey"), faults: []s3test.Fault{
			{Op: "UploadPart", Part: 2, Before: s3test.Fail(404, "NoSuchKey")},
			{Op: "AbortMultipartUpload", Times: 5, Before: s3test.Drop},
		}},
		{name: "U9 abort's reply is lost", size: parts, want: failed, err: func(err error) bool {
			return coded("NoSuchKey")(err) && !strings.Contains(err.Error(), "abort")
		}, faults: []s3test.Fault{
			{Op: "UploadPart", Part: 2, Before: s3test.Fail(404, "NoSuchKey")},
			{Op: "AbortMultipartUpload", After: s3test.Lose},
		}},

		{
			name: "U11 no upload id", size: parts, want: failed,
			faults: []s3test.Fault{{Op: "CreateMultipartUpload", Before: say("<InitiateMultipartUploadResult/>")}},
		},
		{
			name: "U12 no ETag of a part", size: parts, want: failed,
			err:    func(err error) bool { return strings.Contains(err.Error(), "part 4") },
			faults: []s3test.Fault{{Op: "UploadPart", Part: 4, After: emptyTag}},
		},
		{
			name: "U12 wrong ETag of a part", size: parts, want: failed, err: coded("InvalidPart"),
			faults: []s3test.Fault{{Op: "UploadPart", Part: 4, After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Header.Set("Etag", `"0"`)
			}}},
		},
		{
			name: "U12 wrong checksum of a part", size: parts, want: failed, err: is(s3sink.ErrMismatch),
			faults: []s3test.Fault{{Op: "UploadPart", Part: 4, After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Header.Set("X-Amz-Checksum-Crc64nvme", "AAAAAAAAAAA=")
			}}},
		},
		{
			name: "U13 part flipped always", size: parts, want: failed, err: coded("BadDigest"),
			faults: []s3test.Fault{{Op: "UploadPart", Part: 3, Times: always, Before: s3test.Flip}},
		},

		{
			name: "U22 slow down, always", size: parts, want: failed, err: coded("SlowDown"),
			opts:   s3sink.UploadOptions{RetryTimeout: 300 * time.Millisecond},
			faults: []s3test.Fault{{Op: "UploadPart", Times: always, Before: s3test.Fail(503, "SlowDown")}},
		},
		{
			name: "U22 slow down, no patience", size: parts, want: failed, err: coded("SlowDown"),
			opts:   s3sink.UploadOptions{RetryTimeout: -1},
			faults: []s3test.Fault{{Op: "UploadPart", Part: 3, Times: 3, Before: s3test.Fail(503, "SlowDown")}},
		},
		{
			name: "U22 abort, too many requests", size: parts, want: failed, err: coded("NoSuchKey"),
			faults: []s3test.Fault{
				{Op: "UploadPart", Part: 2, Before: s3test.Fail(404, "NoSuchKey")},
				{Op: "AbortMultipartUpload", Times: 4, Before: s3test.Fail(429, "Busy")},
			},
		},

		{
			name: "U23 exists", size: single, old: old, opts: s3sink.UploadOptions{IfAbsent: true}, want: failed,
			err: is(s3sink.ErrExists),
		},
		{
			name: "U23 exists, parts", size: parts, old: old, opts: s3sink.UploadOptions{IfAbsent: true}, want: failed,
			err: is(s3sink.ErrExists),
		},
		{
			name: "U23 put lost before it, then 412 for another's", size: single,
			opts: s3sink.UploadOptions{IfAbsent: true}, old: old, want: failed,
			err: is(s3sink.ErrExists), faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Drop}},
		},
		{
			name: "U23 conflict", size: parts, opts: s3sink.UploadOptions{IfAbsent: true}, want: failed,
			err: is(s3sink.ErrConflict),
			faults: []s3test.Fault{{
				Op:     "CompleteMultipartUpload",
				Before: s3test.Fail(409, "ConditionalRequestConflict"),
			}},
		},
		{
			name: "U25 lifecycle ends the upload", size: parts, want: failed, err: coded("NoSuchUpload"),
			faults: []s3test.Fault{
				{Op: "UploadPart", Part: 5, Times: always, Before: s3test.Fail(404, "NoSuchUpload")},
			},
		},
		{
			name: "U26 checksum unknown, create", size: parts, want: failed, err: advised,
			opts:   s3sink.UploadOptions{Checksum: s3sink.ChecksumCRC64NVME},
			faults: []s3test.Fault{{Op: "CreateMultipartUpload", Before: s3test.Fail(501, "NotImplemented")}},
		},
		{
			name: "U26 checksum unknown, put", size: single, want: failed, err: advised,
			opts:   s3sink.UploadOptions{Checksum: s3sink.ChecksumCRC64NVME},
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Fail(501, "NotImplemented")}},
		},
		{
			name: "U28 complete tells no checksum and stores nothing", size: parts, want: failed,
			err: is(s3sink.ErrNotStored),
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{Body: []byte(
					`<CompleteMultipartUploadResult><ETag>"x-1"</ETag></CompleteMultipartUploadResult>`)}
			}}},
		},
		{
			name: "U28 complete tells another checksum", size: parts, want: unknown, err: is(s3sink.ErrMismatch),
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Body = []byte(`<CompleteMultipartUploadResult><ETag>"x-1"</ETag>` +
					`<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></CompleteMultipartUploadResult>`)
			}}},
		},
		{
			name: "U28 complete tells no checksum and leaves the older object", size: parts, want: failed,
			err: is(s3sink.ErrNotStored),
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{Body: []byte(
					`<CompleteMultipartUploadResult><ETag>"x-1"</ETag></CompleteMultipartUploadResult>`)}
			}}}, old: old,
		},
		{
			name: "U29 a part hangs always", size: parts, want: failed,
			opts:   s3sink.UploadOptions{StallTimeout: 50 * time.Millisecond},
			faults: []s3test.Fault{{Op: "UploadPart", Part: 2, Times: always, Before: s3test.Hang}},
		},
		{
			name: "no encryption, though asked for", size: parts,
			opts: s3sink.UploadOptions{ServerSideEncryption: "AES256"},
			want: failed, err: is(s3sink.ErrNotEncrypted), faults: []s3test.Fault{{Times: always, After: unencrypted}},
		},
		{
			name: "no encryption, though asked for, small", size: single,
			opts: s3sink.UploadOptions{ServerSideEncryption: "AES256"}, old: old,
			want: failed, err: is(s3sink.ErrNotEncrypted), faults: []s3test.Fault{{Times: always, After: unencrypted}},
		},
		{
			name: "no encryption, though asked for, empty", size: 0,
			opts: s3sink.UploadOptions{ServerSideEncryption: "AES256"}, old: old,
			want: failed, err: is(s3sink.ErrNotEncrypted), faults: []s3test.Fault{{Times: always, After: unencrypted}},
		},
		{
			name: "another encryption than asked for", size: single,
			opts: s3sink.UploadOptions{ServerSideEncryption: "aws:kms"},
			want: failed, err: is(s3sink.ErrNotEncrypted), faults: []s3test.Fault{{
				Times: always, After: func(_ *s3test.Request, r *s3test.Reply) {
					r.Header.Set("X-Amz-Server-Side-Encryption", "AES256")
				},
			}},
		},
		{
			name: "no encryption of a part, though asked for", size: parts,
			opts: s3sink.UploadOptions{ServerSideEncryption: "AES256"},
			want: failed, err: is(s3sink.ErrNotEncrypted), faults: []s3test.Fault{
				{Op: "CreateMultipartUpload", After: unencrypted}, {Op: "UploadPart", Part: 7, After: unencrypted},
			},
		},
		{
			name: "U31 no bucket", size: parts, want: failed, err: coded("NoSuchBucket"),
			faults: []s3test.Fault{{Op: "CreateMultipartUpload", Before: s3test.Fail(404, "NoSuchBucket")}},
		},
		{
			name: "U31 wrong region", size: single, want: failed, err: coded("PermanentRedirect"),
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Fail(301, "PermanentRedirect")}},
		},
		{
			name: "U31 wrong region, also to look there", size: single, want: failed, err: coded("PermanentRedirect"),
			faults: []s3test.Fault{{Times: always, Before: s3test.Fail(301, "PermanentRedirect")}},
		},
		{
			name: "U31 wrong region, known when it is complete", size: parts, want: failed,
			err: coded("TemporaryRedirect"), faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Fail(307, "TemporaryRedirect")},
				{Op: "HeadObject", Times: always, Before: s3test.Fail(301, "PermanentRedirect")},
			},
		},
		{
			name: "U31 not implemented, older object of the same length, no checksum", size: single, want: failed,
			err: coded("NotImplemented"),
			old: random(single + 1)[:single], opts: s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Fail(501, "NotImplemented")}},
		},
		{
			name: "U31 wrong key", size: single, want: failed, err: coded("SignatureDoesNotMatch"),
			faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Fail(403, "SignatureDoesNotMatch")}},
		},
	}
}
