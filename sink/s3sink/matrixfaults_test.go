package s3sink_test

import (
	"net/http"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
)

// uploadFault is a kind of fault.
type uploadFault struct {
	name   string
	before func(*s3test.Request) *s3test.Reply
	after  func(*s3test.Request, *s3test.Reply)
	final  bool // it is a refusal: even once may end the run
}

// proxyPage returns a function that replies with the page of a proxy.
func proxyPage(status int) func(*s3test.Request) *s3test.Reply {
	return func(*s3test.Request) *s3test.Reply {
		return &s3test.Reply{
			Status: status, Body: []byte("<html>a proxy</html>"), Header: http.Header{"Content-Type": {"text/html"}},
		}
	}
}

var uploadFaults = []uploadFault{
	{name: "500", before: s3test.Fail(500, "InternalError")},
	{name: "501", before: s3test.Fail(501, "NotImplemented"), final: true},
	{name: "502, HTML", before: proxyPage(502)},
	{name: "503 SlowDown", before: s3test.Fail(503, "SlowDown")},
	{name: "504, HTML", before: proxyPage(504)},
	{name: "429", before: s3test.Fail(429, "Busy")},
	{name: "400 RequestTimeout", before: s3test.Fail(400, "RequestTimeout")},
	{name: "400 ExpiredToken", before: s3test.Fail(400, "ExpiredToken")},
	{name: "403", before: s3test.Fail(403, "AccessDenied"), final: true},
	{name: "404", before: s3test.Fail(404, "NoSuchKey"), final: true},
	{name: "409 OperationAborted", before: s3test.Fail(409, "OperationAborted")},
	{name: "412", before: s3test.Fail(412, "PreconditionFailed"), final: true},
	{name: "307 to another host", before: func(*s3test.Request) *s3test.Reply {
		return &s3test.Reply{Status: 307, Header: http.Header{"Location": {"http://other.example/"}}}
	}, final: true},
	{name: "connection closed", before: s3test.Drop},
	{name: "no answer", before: s3test.Hang},
	{name: "reply lost", after: s3test.Lose},
	{name: "reply stalls", after: s3test.Stall},
	{name: "reply cut", after: s3test.CutAfter(20)},
	{name: "200, empty, executed", after: s3test.Say("")},
	{name: "200, HTML, executed", after: s3test.Say("<html>a proxy</html>")},
	{name: "200, HTML, not executed", before: proxyPage(200)},
	{name: "200 with an error", before: say("<Error><Code>InternalError</Code></Error>")},
	{name: "false success", before: falseSuccess, final: true},
	{name: "a bit flipped", before: s3test.Flip},
}

// falseSuccess replies as if the request had been executed.
func falseSuccess(r *s3test.Request) *s3test.Reply {
	reply := &s3test.Reply{Header: http.Header{"Etag": {`"x"`}}}
	switch r.Op {
	case "CreateMultipartUpload":
		reply.Body = []byte(started("no upload"))
	case "CompleteMultipartUpload":
		reply.Body = result(`"x-1"`)
	case "AbortMultipartUpload":
		reply.Status = http.StatusNoContent
	case "ListParts":
		reply.Body = []byte("<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>")
	}
	return reply
}

// uploadPlace is a request that a fault hits, and the upload that makes this request.
type uploadPlace struct {
	name    string
	op      string
	part    int
	size    int
	opts    s3sink.UploadOptions
	first   []s3test.Fault // which lead to the request
	resumes bool           // the upload resumes another
	fails   bool           // the source fails, so that the upload is aborted
}

var uploadPlaces = func() []uploadPlace {
	const single, parts = 50, 450
	absent := s3sink.UploadOptions{IfAbsent: true}
	return []uploadPlace{
		{name: "put", op: "PutObject", size: single},
		{name: "put, IfAbsent", op: "PutObject", size: single, opts: absent},
		{name: "first HEAD", op: "HeadObject", size: parts, opts: absent},
		{name: "create", op: "CreateMultipartUpload", size: parts},
		{name: "first part", op: "UploadPart", part: 1, size: parts},
		{name: "part", op: "UploadPart", part: 3, size: parts},
		{name: "last part", op: "UploadPart", part: 5, size: parts},
		{name: "complete", op: "CompleteMultipartUpload", size: parts},
		{name: "complete, IfAbsent", op: "CompleteMultipartUpload", size: parts, opts: absent},
		{
			name: "HEAD that settles", op: "HeadObject", size: parts,
			first: []s3test.Fault{{Op: "CompleteMultipartUpload", After: s3test.Lose}},
		},
		{name: "abort", op: "AbortMultipartUpload", size: parts, fails: true},
		{name: "list parts", op: "ListParts", size: parts, resumes: true},
	}
}()
