package s3test

import (
	"crypto/md5" //nolint:gosec // S3 identifies a customer's key by its MD5
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// The headers of SSE-C. An object and an upload keep all but the key.
const (
	customerAlgorithm = "X-Amz-Server-Side-Encryption-Customer-Algorithm"
	customerKey       = "X-Amz-Server-Side-Encryption-Customer-Key"
	customerKeyMD5    = "X-Amz-Server-Side-Encryption-Customer-Key-Md5"
)

// keyed are the operations that accept a customer's key.
var keyed = []string{
	"PutObject", "GetObject", "HeadObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload",
	"ListParts",
}

// hasKey reports whether a request has headers of SSE-C.
func hasKey(h http.Header) bool {
	return h.Get(customerAlgorithm) != "" || h.Get(customerKey) != "" || h.Get(customerKeyMD5) != ""
}

// refuseKey returns the refusal of a request whose key is malformed, missing, not wanted, or not the
// one of the object or upload, or nil. The caller holds s.mu.
func (s *Server) refuseKey(b *bucket, req *Request) *Reply {
	if !slices.Contains(keyed, req.Op) {
		return nil
	}
	if hasKey(req.Header) {
		if reply := s.malformedKey(req); reply != nil {
			return reply
		}
	}
	if strings.HasSuffix(req.Op, "Object") && req.Op != "PutObject" {
		return refuseReadingKey(b, req)
	}
	return refusePartKey(b, req)
}

func (s *Server) malformedKey(req *Request) *Reply {
	h := req.Header
	key, err := base64.StdEncoding.DecodeString(h.Get(customerKey))
	sum := md5.Sum(key) //nolint:gosec // see the import
	switch {
	case !s.opts.TLS:
		return refuseWith(http.StatusBadRequest, "InvalidRequest",
			"Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.")
	case h.Get(customerAlgorithm) != "AES256":
		return refuseWith(http.StatusBadRequest, "InvalidEncryptionAlgorithmError",
			"The Encryption request you specified is not valid. Supported value: AES256.")
	case err != nil || len(key) != 32:
		return refuseWith(http.StatusBadRequest, "InvalidArgument",
			"The secret key was invalid for the specified algorithm.")
	case h.Get(customerKeyMD5) != base64.StdEncoding.EncodeToString(sum[:]):
		return refuseWith(http.StatusBadRequest, "InvalidArgument",
			"The calculated MD5 hash of the key did not match the hash that was provided.")
	case h.Get("X-Amz-Server-Side-Encryption") != "":
		return refuseWith(http.StatusBadRequest, "InvalidArgument",
			"Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	}
	return nil
}

// refuseReadingKey is refuseKey for a GET and a HEAD.
func refuseReadingKey(b *bucket, req *Request) *Reply {
	o := b.version(req.Key, first(req.Query["versionId"]))
	if o == nil || o.DeleteMarker {
		return nil
	}
	switch was, given := o.Header.Get(customerKeyMD5), req.Header.Get(customerKeyMD5); {
	case was == given:
		return nil
	case given == "":
		return refuseWith(http.StatusBadRequest, "InvalidRequest", "The object was stored using a form of "+
			"Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	case was == "":
		return refuseWith(http.StatusBadRequest, "InvalidRequest",
			"The encryption parameters are not applicable to this object.")
	}
	return refuseWith(http.StatusForbidden, "AccessDenied", "Access Denied")
}

// refusePartKey is refuseKey for the requests of a multipart upload. Amazon S3 wants the key of a
// list and of the last request only for an upload with a checksum.
func refusePartKey(b *bucket, req *Request) *Reply {
	u := b.uploads[req.UploadID]
	if u == nil {
		return nil
	}
	was, given := u.header.Get(customerKeyMD5), req.Header.Get(customerKeyMD5)
	switch {
	case was == given, given == "" && req.Op != "UploadPart" && u.algorithm == "":
		return nil
	case was == "" || given == "":
		return refuseWith(http.StatusBadRequest, "InvalidRequest", "The multipart upload initiate requested "+
			"encryption. Subsequent part requests must include the appropriate encryption parameters.")
	}
	return refuseWith(http.StatusBadRequest, "InvalidRequest",
		"The provided encryption parameters did not match the ones used originally.")
}
