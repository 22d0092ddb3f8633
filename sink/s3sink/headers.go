package s3sink

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3wire"
)

// objectHeaders are the headers that describe the object. They are the same in a PutObject and in a
// CreateMultipartUpload, and have the form of the latter.
func (s *settings) objectHeaders(token string) s3.CreateMultipartUploadInput {
	in := s3.CreateMultipartUploadInput{
		Bucket:               &s.bucket,
		Key:                  &s.key,
		ContentType:          &s.opts.ContentType,
		ContentEncoding:      s3wire.NonEmpty(s.opts.ContentEncoding),
		ContentDisposition:   s3wire.NonEmpty(s.opts.ContentDisposition),
		CacheControl:         s3wire.NonEmpty(s.opts.CacheControl),
		Metadata:             withToken(s.opts.Metadata, token),
		Tagging:              s3wire.NonEmpty(s.opts.Tagging),
		StorageClass:         types.StorageClass(s.opts.StorageClass),
		ACL:                  types.ObjectCannedACL(s.opts.ACL),
		ServerSideEncryption: types.ServerSideEncryption(s.opts.ServerSideEncryption),
		SSEKMSKeyId:          s3wire.NonEmpty(s.opts.SSEKMSKeyID),
	}
	s.setLock(&in)
	return in
}

// putHeaders returns the headers of the object for a PutObject. ServerSideEncryption is not set:
// with it the run is a multipart upload.
func (s *settings) putHeaders(token string) *s3.PutObjectInput {
	h := s.objectHeaders(token)
	return &s3.PutObjectInput{
		Bucket:             h.Bucket,
		Key:                h.Key,
		ContentType:        h.ContentType,
		ContentEncoding:    h.ContentEncoding,
		ContentDisposition: h.ContentDisposition,
		CacheControl:       h.CacheControl,
		Metadata:           h.Metadata,
		Tagging:            h.Tagging,
		StorageClass:       h.StorageClass,
		ACL:                h.ACL,

		ObjectLockMode:            h.ObjectLockMode,
		ObjectLockRetainUntilDate: h.ObjectLockRetainUntilDate,
		ObjectLockLegalHoldStatus: h.ObjectLockLegalHoldStatus,
	}
}

// withToken returns metadata with the run's write token.
func withToken(metadata map[string]string, token string) map[string]string {
	m := maps.Clone(metadata)
	if m == nil {
		m = map[string]string{}
	}
	m[MetadataWriteToken] = token
	return m
}
