package s3test

import (
	"net/url"
	"slices"
	"strings"
)

// text returns the function that writes a key in a list: URL-encoded if the request asks for it.
func text(req *Request) (encoding string, encode func(string) string) {
	if first(req.Query["encoding-type"]) == "url" {
		return "url", url.QueryEscape
	}
	return "", func(s string) string { return s }
}

// commonPrefix returns the part of key up to the first delimiter after prefix, or "".
func commonPrefix(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(prefix)+i+len(delimiter)]
}

// prefixEntry is a common prefix in a list.
type prefixEntry struct{ Prefix string }

func (s *Server) listVersions(b *bucket, req *Request) *Reply {
	type version struct {
		Key, VersionId string //nolint:revive // the names of the protocol
		IsLatest       bool
		LastModified   string
		ETag           string `xml:",omitempty"`
		Size           *int
		StorageClass   string `xml:",omitempty"`
	}
	type ListVersionsResult struct {
		Name, Prefix, Delimiter, KeyMarker, VersionIdMarker string //nolint:revive // the names of the protocol
		NextKeyMarker, NextVersionIdMarker                  string `xml:",omitempty"` //nolint:revive // the names of the protocol
		EncodingType                                        string `xml:",omitempty"`
		MaxKeys                                             int
		IsTruncated                                         bool
		Version, DeleteMarker                               []version
		CommonPrefixes                                      []prefixEntry
	}
	encoding, encode := text(req)
	prefix, delimiter := first(req.Query["prefix"]), first(req.Query["delimiter"])
	keyMarker, idMarker := first(req.Query["key-marker"]), first(req.Query["version-id-marker"])
	out := ListVersionsResult{
		Name: req.Bucket, Prefix: encode(prefix), Delimiter: delimiter, KeyMarker: encode(keyMarker),
		VersionIdMarker: idMarker, EncodingType: encoding, MaxKeys: pageSize(req, "max-keys"),
	}
	n, lastKey, lastID := 0, "", ""
	full := func() bool {
		if n < out.MaxKeys {
			n++
			return false
		}
		out.IsTruncated, out.NextKeyMarker, out.NextVersionIdMarker = true, encode(lastKey), lastID
		return true
	}
	for _, k := range keys(b.objects, prefix, "") {
		if k < keyMarker || k == keyMarker && idMarker == "" {
			continue
		}
		if p := commonPrefix(k, prefix, delimiter); p != "" {
			if p <= keyMarker || p == lastKey {
				continue
			}
			if full() {
				break
			}
			out.CommonPrefixes = append(out.CommonPrefixes, prefixEntry{encode(p)})
			lastKey, lastID = p, ""
			continue
		}
		versions := slices.Clone(b.objects[k])
		slices.Reverse(versions) // the newest first
		past := k != keyMarker
		for i, o := range versions {
			id := o.VersionID
			if id == "" {
				id = "null"
			}
			if !past {
				past = id == idMarker
				continue
			}
			if full() {
				return document(out)
			}
			lastKey, lastID = k, id
			v := version{Key: encode(k), VersionId: id, IsLatest: i == 0, LastModified: stamp(o.Modified)}
			if o.DeleteMarker {
				out.DeleteMarker = append(out.DeleteMarker, v)
				continue
			}
			size := len(o.Body)
			v.ETag, v.Size, v.StorageClass = o.ETag, &size, o.storageClass()
			out.Version = append(out.Version, v)
		}
	}
	return document(out)
}

func (o *Object) storageClass() string {
	if c := o.Header.Get("X-Amz-Storage-Class"); c != "" {
		return c
	}
	return "STANDARD"
}
