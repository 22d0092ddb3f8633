package s3test

import "strconv"

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
		Name, Prefix, Delimiter string
		EncodingType            string `xml:",omitempty"`
		KeyCount, MaxKeys       int
		IsTruncated             bool
		NextContinuationToken   string `xml:",omitempty"`
		Contents                []contents
		CommonPrefixes          []prefixEntry
	}
	encoding, encode := text(req)
	prefix, delimiter := first(req.Query["prefix"]), first(req.Query["delimiter"])
	after := max(first(req.Query["start-after"]), first(req.Query["continuation-token"]))
	out := ListBucketResult{
		Name: req.Bucket, Prefix: encode(prefix), Delimiter: delimiter, EncodingType: encoding,
		MaxKeys: pageSize(req, "max-keys"),
	}
	last := ""
	for _, k := range keys(b.objects, prefix, after) {
		o, p := b.current(k), commonPrefix(k, prefix, delimiter)
		if o == nil || p != "" && (p <= after || p == last) {
			continue
		}
		if out.KeyCount == out.MaxKeys {
			out.IsTruncated, out.NextContinuationToken = true, last
			break
		}
		out.KeyCount++
		if p != "" {
			out.CommonPrefixes = append(out.CommonPrefixes, prefixEntry{encode(p)})
			last = p
			continue
		}
		last = k
		out.Contents = append(out.Contents, contents{
			encode(k), stamp(o.Modified), o.ETag, len(o.Body),
			o.storageClass(),
		})
	}
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
	encoding, encode := text(req)
	out.EncodingType = encoding
	prefix := out.Prefix
	past := out.UploadIdMarker == "" // the uploads of the marker's key up to the marker have been skipped
	for _, u := range b.sorted(prefix) {
		switch {
		case s.opts.Service == MinIO && prefix != "" && u.key != prefix:
			continue
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
		out.Upload = append(out.Upload, item{encode(u.key), u.id, stamp(u.began), "STANDARD"})
	}
	out.KeyMarker, out.Prefix = encode(out.KeyMarker), encode(out.Prefix)
	return document(out)
}
