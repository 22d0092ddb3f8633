package s3test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"
)

// The headers of Object Lock.
const (
	lockMode  = "X-Amz-Object-Lock-Mode"
	lockUntil = "X-Amz-Object-Lock-Retain-Until-Date"
	legalHold = "X-Amz-Object-Lock-Legal-Hold"
	bypass    = "X-Amz-Bypass-Governance-Retention"
)

// until returns the end of an object's retention.
func (o *Object) until() time.Time {
	t, _ := time.Parse(time.RFC3339, o.Header.Get(lockUntil)) // checked when it was stored
	return t
}

// locked reports whether a request with header may not delete o.
func (o *Object) locked(header http.Header) bool {
	if o.Header.Get(legalHold) == "ON" {
		return true
	}
	return o.until().After(time.Now()) &&
		(o.Header.Get(lockMode) == "COMPLIANCE" || header.Get(bypass) != "true")
}

// asksForLock reports whether a request has headers of Object Lock.
func asksForLock(h http.Header) bool {
	return h.Get(lockMode) != "" || h.Get(lockUntil) != "" || h.Get(legalHold) != ""
}

// noObjectLock is the reply to a lock in a bucket without Object Lock.
func noObjectLock() *Reply {
	return refuseWith(http.StatusBadRequest, "InvalidRequest", "Bucket is missing Object Lock Configuration")
}

// badLock returns the error code for the headers of Object Lock of a new object, or "".
func (s *Server) badLock(req *Request) string {
	h := req.Header
	mode, until, hold := h.Get(lockMode), h.Get(lockUntil), h.Get(legalHold)
	if !asksForLock(h) {
		return ""
	}
	if hold != "" && hold != "ON" && hold != "OFF" || (mode == "") != (until == "") {
		return "InvalidRequest"
	}
	if req.Op == "PutObject" && claimed(req).algorithm == "" && h.Get("Content-Md5") == "" {
		return "InvalidRequest" // S3 requires one of them
	}
	return badRetention(mode, until)
}

// badRetention returns the error code for a retention, or "".
func badRetention(mode, until string) string {
	if mode == "" && until == "" {
		return ""
	}
	if mode != "GOVERNANCE" && mode != "COMPLIANCE" {
		return "MalformedXML"
	}
	if t, err := time.Parse(time.RFC3339, until); err != nil || !t.After(time.Now()) {
		return "InvalidArgument"
	}
	return ""
}

// putLock changes the retention or the legal hold of an object.
func (s *Server) putLock(b *bucket, req *Request) *Reply {
	o, reply := s.toLock(b, req)
	if reply != nil {
		return reply
	}
	if req.Op == "PutObjectLegalHold" {
		var hold struct{ Status string }
		if err := xml.Unmarshal(req.Body, &hold); err != nil || hold.Status != "ON" && hold.Status != "OFF" {
			return refuse(http.StatusBadRequest, "MalformedXML")
		}
		o.Header.Set(legalHold, hold.Status)
		return &Reply{}
	}
	var r struct{ Mode, RetainUntilDate string }
	if err := xml.Unmarshal(req.Body, &r); err != nil {
		return refuse(http.StatusBadRequest, "MalformedXML")
	}
	if code := badRetention(r.Mode, r.RetainUntilDate); code != "" {
		return refuse(http.StatusBadRequest, code)
	}
	until, _ := time.Parse(time.RFC3339, r.RetainUntilDate) // zero for none
	was := o.Header.Get(lockMode)
	looser := until.Before(o.until()) || was == "COMPLIANCE" && r.Mode != was
	if o.until().After(time.Now()) && looser && (was == "COMPLIANCE" || req.Header.Get(bypass) != "true") {
		return refuse(http.StatusForbidden, "AccessDenied")
	}
	o.Header.Set(lockMode, r.Mode)
	o.Header.Set(lockUntil, strings.TrimSpace(r.RetainUntilDate))
	return &Reply{}
}

// getLock returns the retention or the legal hold of an object.
func (s *Server) getLock(b *bucket, req *Request) *Reply {
	type Retention struct{ Mode, RetainUntilDate string }
	type LegalHold struct{ Status string }
	o, reply := s.toLock(b, req)
	mode, hold := "", ""
	if reply == nil {
		mode, hold = o.Header.Get(lockMode), o.Header.Get(legalHold)
	}
	switch {
	case reply != nil:
		return reply
	case req.Op == "GetObjectLegalHold" && hold != "":
		return document(LegalHold{hold})
	case req.Op == "GetObjectRetention" && mode != "":
		return document(Retention{mode, o.Header.Get(lockUntil)})
	}
	return refuse(http.StatusNotFound, "NoSuchObjectLockConfiguration")
}

// toLock returns the object that a request about a lock is for, or an error reply.
func (s *Server) toLock(b *bucket, req *Request) (*Object, *Reply) {
	o := b.version(req.Key, first(req.Query["versionId"]))
	switch {
	case !s.opts.ObjectLock:
		return nil, noObjectLock()
	case o == nil:
		return nil, refuse(http.StatusNotFound, "NoSuchKey")
	case o.DeleteMarker:
		return nil, refuse(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
	return o, nil
}
