package s3sink_test

import (
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
)

// survivedFaults returns the faults in spite of which the object is stored.
func survivedFaults() []faultCase {
	const single, parts = 50, 950
	old := []byte("an older backup")
	patient := s3sink.UploadOptions{RetryTimeout: time.Minute}
	return []faultCase{
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
			name: "U3 error in a 200, once", size: parts,
			faults: []s3test.Fault{{
				Op:     "CompleteMultipartUpload",
				Before: say("<Error><Code>InternalError</Code></Error>"),
			}},
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
			name: "U5 complete lost, then NoSuchUpload, older object", size: parts, old: old,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: s3test.Lose}},
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
			name: "U6 put, every reply lost", size: single,
			faults: []s3test.Fault{{Op: "PutObject", Times: always, After: s3test.Lose}},
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
			name: "U13 the list of parts damaged in flight", size: parts,
			faults: []s3test.Fault{
				{Op: "CompleteMultipartUpload", Before: s3test.Fail(400, "MalformedXML")},
				{Op: "CompleteMultipartUpload", Before: s3test.Fail(400, "InvalidPart")},
			},
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
			name: "U23 put lost, then 412 for our own", size: single, opts: s3sink.UploadOptions{IfAbsent: true},
			faults: []s3test.Fault{{Op: "PutObject", After: s3test.Lose}},
		},
		{
			name: "U23 conflict of a put, once", size: single, opts: s3sink.UploadOptions{IfAbsent: true},
			faults: []s3test.Fault{{Op: "PutObject", Before: s3test.Fail(409, "ConditionalRequestConflict")}},
		},

		{
			name: "U28 complete tells no checksum, no right to look", size: parts,
			opts:   s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}},
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
			name: "encryption that only the parts tell", size: parts,
			opts:   s3sink.UploadOptions{ServerSideEncryption: "AES256"},
			faults: []s3test.Fault{{Op: "CreateMultipartUpload", After: unencrypted}},
		},
		{name: "encryption of a small stream", size: single, opts: s3sink.UploadOptions{
			ServerSideEncryption: "aws:kms",
			SSEKMSKeyID:          "k",
		}},
		{name: "encryption of nothing", size: 0, opts: s3sink.UploadOptions{ServerSideEncryption: "AES256"}},
	}
}
