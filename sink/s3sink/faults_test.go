package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// always makes a fault affect every request that matches.
const always = -1

// end is the expected end of a run.
type end int

const (
	stored  end = iota // no error, and the object is stored
	failed             // an error, and nothing is left
	pending            // an error and no object, and the upload is left
	unknown            // ErrOutcomeUnknown
)

// is returns a function that reports whether an error is one of targets.
func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, t := range targets {
			if !errors.Is(err, t) {
				return false
			}
		}
		return true
	}
}

// coded returns a function that reports whether an error has the code of S3.
func coded(code string) func(error) bool {
	return func(err error) bool {
		var api smithy.APIError
		return errors.As(err, &api) && api.ErrorCode() == code
	}
}

// emptyTag removes the ETag from a reply.
func emptyTag(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("Etag") }

func TestFaults(t *testing.T) {
	const single, parts = 50, 950
	old := []byte("an older backup")
	patient := s3sink.UploadOptions{RetryTimeout: time.Minute}
	for _, tt := range []struct {
		name   string
		size   int
		opts   s3sink.UploadOptions
		faults []s3test.Fault
		old    []byte // the object at the key before the run
		want   end
		err    func(error) bool
	}{
		{name: "U1 500 once", size: parts, faults: each(func(op string) s3test.Fault {
			return s3test.Fault{Op: op, Before: s3test.Fail(500, "InternalError")}
		})},
		{name: "U1 503 once", size: parts, faults: each(func(op string) s3test.Fault {
			return s3test.Fault{Op: op, Before: s3test.Fail(503, "SlowDown")}
		})},
		{name: "U1 reset once", size: parts, faults: each(func(op string) s3test.Fault {
			return s3test.Fault{Op: op, Before: s3test.Drop}
		})},
		{name: "U1 reply lost once", size: parts, faults: each(func(op string) s3test.Fault {
			if op == "CreateMultipartUpload" {
				return s3test.Fault{Op: op, Before: s3test.Drop} // a lost reply is U10
			}
			return s3test.Fault{Op: op, After: s3test.Lose}
		})},
		{
			name: "U1 put 500 once", size: single,
			faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Fail(500, "InternalError")}},
		},
		{name: "U1 put reset once", size: single, faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Drop}}},
		{name: "U1 put reply lost once", size: single, faults: []s3test.Fault{{Op: "PutObject", After: s3test.Lose}}},

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
			name: "U3 error in a 200, once", size: parts,
			faults: []s3test.Fault{{
				Op:     "CompleteMultipartUpload",
				Before: say("<Error><Code>InternalError</Code></Error>"),
			}},
		},
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
			name: "U4 empty 200, complete", size: parts,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: s3test.Say("")}},
		},
		{
			name: "U4 HTML 200, complete", size: parts,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: s3test.Say("<html></html>")}},
		},
		{
			name: "U4 empty 200, complete, known by its ETag", size: parts,
			opts:   s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: s3test.Say("")}},
		},
		{name: "U4 put without ETag, stored", size: single, faults: []s3test.Fault{{Op: "PutObject", After: emptyTag}}},
		{
			name: "U4 put without ETag, known by its MD5", size: single,
			opts:   s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{{Op: "PutObject", After: emptyTag}},
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
			name: "U5 complete lost, then NoSuchUpload, older object", size: parts, old: old,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: s3test.Lose}},
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
			name: "U6 complete, every reply lost", size: parts,
			faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", After: s3test.Lose},
				{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop},
			},
		},
		{
			name: "U6 every reply lost, KMS", size: parts, opts: s3sink.UploadOptions{ServerSideEncryption: "aws:kms"},
			faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", After: s3test.Lose},
				{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop},
			},
		},
		{
			name: "U6 every reply lost, no right to look", size: parts, want: unknown,
			faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", After: s3test.Lose},
				{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop},
				{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")},
			},
		},
		{
			name: "U6 put, every reply lost", size: single,
			faults: []s3test.Fault{{Op: "PutObject", Times: always, After: s3test.Lose}},
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
			name: "U13 part flipped in flight", size: parts,
			faults: []s3test.Fault{{Op: "UploadPart", Part: 3, Before: s3test.Flip}},
		},
		{
			name: "U13 part flipped in flight, no signature", size: parts,
			faults: []s3test.Fault{{Op: "UploadPart", Part: 3, Before: s3test.Flip}},
		},
		{
			name: "U13 put flipped in flight", size: single,
			faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Flip}},
		},
		{
			name: "U13 part flipped always", size: parts, want: failed, err: coded("BadDigest"),
			faults: []s3test.Fault{{Op: "UploadPart", Part: 3, Times: always, Before: s3test.Flip}},
		},

		{name: "U20 the clock is wrong, by the service's Date", size: parts, faults: each(func(op string) s3test.Fault {
			return s3test.Fault{Op: op, Times: 1, Before: skewed}
		})},
		{
			name: "U21 idle for too long, once", size: parts,
			faults: []s3test.Fault{{Op: "UploadPart", Part: 3, Before: s3test.Fail(400, "RequestTimeout")}},
		},
		{
			name: "U22 slow down, more often than the client tries", size: parts, opts: patient,
			faults: each(func(op string) s3test.Fault {
				return s3test.Fault{Op: op, Times: 5, Before: s3test.Fail(503, "SlowDown")}
			}),
		},
		{name: "U22 slow down in a 200", size: parts, opts: patient, faults: []s3test.Fault{
			{Op: "CompleteMultipartUpload", Times: 4, Before: say("<Error><Code>SlowDown</Code></Error>")},
		}},
		{
			name: "U22 too many requests", size: parts, opts: patient,
			faults: []s3test.Fault{{Op: "UploadPart", Times: 4, Before: s3test.Fail(429, "Busy")}},
		},
		{
			name: "U22 put, slow down", size: single, opts: patient,
			faults: []s3test.Fault{{Op: "PutObject", Times: 7, Before: s3test.Fail(503, "SlowDown")}},
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
			name: "U23 put lost, then 412 for our own", size: single, opts: s3sink.UploadOptions{IfAbsent: true},
			faults: []s3test.Fault{{Op: "PutObject", After: s3test.Lose}},
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
			name: "U23 conflict of a put, once", size: single, opts: s3sink.UploadOptions{IfAbsent: true},
			faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Fail(409, "ConditionalRequestConflict")}},
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
			name: "U28 complete tells no checksum, no right to look", size: parts,
			opts:   s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}},
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
			name: "U29 a part hangs once", size: parts,
			opts:   s3sink.UploadOptions{StallTimeout: 100 * time.Millisecond},
			faults: []s3test.Fault{{Op: "UploadPart", Part: 2, Before: s3test.Hang}},
		},
		{
			name: "U29 complete's reply hangs", size: parts,
			opts:   s3sink.UploadOptions{StallTimeout: 100 * time.Millisecond},
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Times: always, After: s3test.Stall}},
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
			name: "encryption that only the parts tell", size: parts,
			opts:   s3sink.UploadOptions{ServerSideEncryption: "AES256"},
			faults: []s3test.Fault{{Op: "CreateMultipartUpload", After: unencrypted}},
		},
		{name: "encryption of a small stream", size: single, opts: s3sink.UploadOptions{
			ServerSideEncryption: "aws:kms",
			SSEKMSKeyID:          "k",
		}},
		{name: "encryption of nothing", size: 0, opts: s3sink.UploadOptions{ServerSideEncryption: "AES256"}},
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
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			if tt.old != nil {
				server.Put(bucket, key, tt.old)
			}
			for _, f := range tt.faults {
				server.Fault(f)
			}
			data := random(tt.size)
			obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(tt.opts)))
			if (err == nil) != (tt.want == stored) || tt.err != nil && !tt.err(err) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && obj != (s3sink.Object{}) {
				t.Errorf("beside the error there is %+v", obj)
			}
			if got := errors.Is(err, s3sink.ErrOutcomeUnknown); got != (tt.want == unknown &&
				!errors.Is(err, s3sink.ErrMismatch)) {
				t.Errorf("the outcome is unknown: %v (%v)", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "canary-secret") {
				t.Errorf("the error tells the secret: %v", err)
			}
			switch tt.want {
			case stored:
				expectStored(t, server, data, obj)
			case failed:
				if tt.old != nil {
					if string(server.Object(bucket, key).Body) != string(tt.old) {
						t.Error("the older object is gone")
					}
					server.Remove(bucket, key)
				}
				expectNothing(t, server)
			case pending:
				if o := server.Object(bucket, key); o != nil && string(o.Body) != string(tt.old) {
					t.Error("there is an object")
				}
			}
		})
	}
}

// advised reports whether err suggests a solution.
func advised(err error) bool {
	return coded("NotImplemented")(err) && strings.Contains(err.Error(), "ChecksumNone")
}

// each returns a fault for every operation of a multipart upload.
func each(f func(op string) s3test.Fault) []s3test.Fault {
	return []s3test.Fault{f("CreateMultipartUpload"), f("UploadPart"), f("CompleteMultipartUpload")}
}

// say replies 200 with body, and the request is not executed.
func say(body string) func(*s3test.Request) *s3test.Reply {
	return func(*s3test.Request) *s3test.Reply { return &s3test.Reply{Body: []byte(body)} }
}

// skewed rejects the time of a request: the server's clock is an hour fast.
func skewed(*s3test.Request) *s3test.Reply {
	r := s3test.Fail(403, "RequestTimeTooSkewed")(nil)
	r.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	return r
}

// unencrypted removes the encryption header from a reply.
func unencrypted(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("X-Amz-Server-Side-Encryption") }

// TestEveryPartFails is U7: if any part fails, the upload is not completed.
func TestEveryPartFails(t *testing.T) {
	for part := 1; part <= 10; part++ {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{
			Op: "UploadPart", Part: part, Times: always,
			Before: s3test.Fail(403, "AccessDenied"),
		})
		_, err := stream.Run(t.Context(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if !coded("AccessDenied")(err) || !strings.Contains(err.Error(), fmt.Sprintf("part %d ", part)) {
			t.Errorf("part %d: %v", part, err)
		}
		expectNothing(t, server)
		if server.Count("CompleteMultipartUpload") > 0 {
			t.Errorf("part %d failed, and the upload was completed", part)
		}
	}
}

// TestSourceFails is C9: if the upstream fails at any byte, nothing is left, and its error is
// returned unchanged.
func TestSourceFails(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 250, 950} {
		server, client := newServer(t, anyParts)
		src := then(chunks(random(size), 30), func(context.Context) error { return errSource })
		_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if err != errSource { //nolint:errorlint // unchanged
			t.Errorf("after %d bytes: %v", size, err)
		}
		expectNothing(t, server)
	}
}

// TestSourceSwallows has a broken upstream that treats an error of emit as its end.
func TestSourceSwallows(t *testing.T) {
	for _, op := range []string{"CreateMultipartUpload", "UploadPart"} {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{Op: op, Before: s3test.Fail(403, "AccessDenied")})
		_, err := stream.Run(t.Context(),
			stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
				for range 50 {
					_ = emit(random(40))
				}
				return nil
			}), s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{})))
		if !coded("AccessDenied")(err) {
			t.Errorf("%s: the error is %v", op, err)
		}
		expectNothing(t, server)
	}
}

// TestRacers is U23: if many runs write one key with IfAbsent, one of them succeeds.
func TestRacers(t *testing.T) {
	for _, size := range []int{50, 350} {
		server, client := newServer(t, anyParts)
		results := make(chan error, 10)
		for i := range 10 {
			go func() {
				_, err := stream.Run(t.Context(), chunks(random(size+i), 30),
					s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{IfAbsent: true})))
				results <- err
			}()
		}
		won := 0
		for range 10 {
			switch err := <-results; {
			case err == nil:
				won++
			case !errors.Is(err, s3sink.ErrExists):
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
		if u := server.Uploads(bucket); len(u) > 0 {
			t.Errorf("uploads are pending: %v", u)
		}
	}
}

// TestEarlyRefusal is U32: a reply arrives while the body is still being sent. The race detector
// watches the buffer.
func TestEarlyRefusal(t *testing.T) {
	server, client := newServer(t, nil)
	server.Fault(s3test.Fault{Op: "UploadPart", Times: always, Unread: true, Before: s3test.Fail(403, "AccessDenied")})
	endless := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for {
			if err := emit(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	})
	_, err := stream.Run(t.Context(), endless, s3sink.Upload(client, bucket, key,
		&s3sink.UploadOptions{PartSize: 5 << 20}))
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
	expectNothing(t, server)
}
