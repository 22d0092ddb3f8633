package s3test

import (
	"net/url"
	"strconv"
)

// pageSize returns the greatest number of entries in one reply of a list.
func pageSize(req *Request, param string) int {
	n, err := strconv.Atoi(first(req.Query[param]))
	if err != nil || n > 1000 || n < 1 {
		return 1000
	}
	return n
}

func (s *Server) listObjects(b *bucket, req *Request) *Reply {
	type contents struct {
		Key, LastModified, ETag string
		Size                    int
		StorageClass            string
	}
	type ListBucketResult struct {
		Name, Prefix          string
		KeyCount, MaxKeys     int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []contents
	}
	prefix := first(req.Query["prefix"])
	after := max(first(req.Query["start-after"]), first(req.Query["continuation-token"]))
	out := ListBucketResult{Name: req.Bucket, Prefix: prefix, MaxKeys: pageSize(req, "max-keys")}
	for _, k := range keys(b.objects, prefix, after) {
		if len(out.Contents) == out.MaxKeys {
			out.IsTruncated = true
			out.NextContinuationToken = out.Contents[out.MaxKeys-1].Key
			break
		}
		o := b.current(k)
		out.Contents = append(out.Contents, contents{k, stamp(o.Modified), o.ETag, len(o.Body), "STANDARD"})
	}
	out.KeyCount = len(out.Contents)
	return document(out)
}

func (s *Server) listUploads(b *bucket, req *Request) *Reply {
	type item struct {
		Key, UploadId, Initiated, StorageClass string //nolint:revive // the names of the protocol
	}
	type ListMultipartUploadsResult struct {
		Bucket, KeyMarker, UploadIdMarker, Prefix string //nolint:revive // the names of the protocol
		NextKeyMarker, NextUploadIdMarker         string `xml:",omitempty"` //nolint:revive // the names of the protocol
		EncodingType                              string `xml:",omitempty"`
		MaxUploads                                int
		IsTruncated                               bool
		Upload                                    []item
	}
	out := ListMultipartUploadsResult{
		Bucket: req.Bucket, Prefix: first(req.Query["prefix"]), MaxUploads: pageSize(req, "max-uploads"),
		KeyMarker: first(req.Query["key-marker"]), UploadIdMarker: first(req.Query["upload-id-marker"]),
	}
	text := func(s string) string { return s }
	if out.EncodingType = first(req.Query["encoding-type"]); out.EncodingType == "url" {
		text = url.QueryEscape
	}
	past := out.UploadIdMarker == "" // the uploads of the marker's key up to the marker have been skipped
	for _, u := range b.sorted(out.Prefix) {
		switch {
		case u.key < out.KeyMarker, u.key == out.KeyMarker && out.UploadIdMarker == "":
			continue
		case u.key == out.KeyMarker && !past:
			past = u.id == out.UploadIdMarker
			continue
		}
		if len(out.Upload) == out.MaxUploads {
			last := out.Upload[len(out.Upload)-1]
			out.IsTruncated, out.NextKeyMarker, out.NextUploadIdMarker = true, last.Key, last.UploadId
			break
		}
		out.Upload = append(out.Upload, item{text(u.key), u.id, stamp(u.began), "STANDARD"})
	}
	out.KeyMarker, out.Prefix = text(out.KeyMarker), text(out.Prefix)
	return document(out)
}
