package s3test

import (
	"encoding/xml"
	"net/http"
)

// remove deletes the current object of a key, or one version of it. In a versioned bucket the
// former only adds a delete marker. It returns the reply's headers, or the error's status and code.
// The caller holds s.mu.
func (s *Server) remove(b *bucket, key, versionID string, header http.Header) (http.Header, int, string) {
	if versionID == "" {
		if !s.opts.Versioned {
			delete(b.objects, key)
			return nil, 0, ""
		}
		marker := s.store(b, &Object{Key: key, DeleteMarker: true, Header: http.Header{}})
		return http.Header{"X-Amz-Delete-Marker": {"true"}, "X-Amz-Version-Id": {marker.VersionID}}, 0, ""
	}
	all := b.objects[key]
	for i, o := range all {
		if o.VersionID != versionID {
			continue
		}
		if o.locked(header) {
			return nil, http.StatusForbidden, "AccessDenied"
		}
		b.objects[key] = append(all[:i:i], all[i+1:]...)
		if len(b.objects[key]) == 0 {
			delete(b.objects, key)
		}
		h := http.Header{"X-Amz-Version-Id": {versionID}}
		if o.DeleteMarker {
			h.Set("X-Amz-Delete-Marker", "true")
		}
		return h, 0, ""
	}
	return http.Header{"X-Amz-Version-Id": {versionID}}, 0, "" // as S3 does
}

func (s *Server) deleteObject(b *bucket, req *Request) *Reply {
	h, status, code := s.remove(b, req.Key, first(req.Query["versionId"]), req.Header)
	if code != "" {
		return refuse(status, code)
	}
	return &Reply{Status: http.StatusNoContent, Header: h}
}

// maxDelete is the greatest number of keys in one request.
const maxDelete = 1000

func (s *Server) deleteObjects(b *bucket, req *Request) *Reply {
	var list struct {
		Quiet  bool
		Object []struct{ Key, VersionId string } //nolint:revive // the names of the protocol
	}
	if claimed(req).algorithm == "" && req.Header.Get("Content-Md5") == "" {
		return refuse(http.StatusBadRequest, "InvalidRequest") // S3 requires one of them
	}
	if err := xml.Unmarshal(req.Body, &list); err != nil || len(list.Object) == 0 || len(list.Object) > maxDelete {
		return refuse(http.StatusBadRequest, "MalformedXML")
	}
	type deleted struct {
		Key                   string
		VersionId             string `xml:",omitempty"` //nolint:revive // the names of the protocol
		DeleteMarker          bool   `xml:",omitempty"`
		DeleteMarkerVersionId string `xml:",omitempty"` //nolint:revive // the names of the protocol
	}
	type failed struct {
		Key       string
		VersionId string `xml:",omitempty"` //nolint:revive // the names of the protocol
		Code      string
		Message   string
	}
	type DeleteResult struct {
		Deleted []deleted
		Error   []failed
	}
	var out DeleteResult
	for _, o := range list.Object {
		h, _, code := s.remove(b, o.Key, o.VersionId, req.Header)
		switch {
		case code != "":
			out.Error = append(out.Error, failed{o.Key, o.VersionId, code, "s3test rejects it"})
		case !list.Quiet:
			d := deleted{Key: o.Key, VersionId: o.VersionId, DeleteMarker: h.Get("X-Amz-Delete-Marker") != ""}
			if d.DeleteMarker {
				d.DeleteMarkerVersionId = h.Get("X-Amz-Version-Id")
			}
			out.Deleted = append(out.Deleted, d)
		}
	}
	return document(out)
}
