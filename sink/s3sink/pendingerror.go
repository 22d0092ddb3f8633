package s3sink

import "github.com/millweir/millweir/stream"

// PendingError reports a multipart upload that may be left at the service: its abort failed, its
// outcome is unknown, or KeepUpload is set. Find it in the error of a run by errors.As.
type PendingError struct {
	Bucket, Key string
	UploadID    string // safe to pass to AbortMultipartUpload
	err         error
}

// Error implements error.
func (e *PendingError) Error() string {
	if e.err == nil {
		return "s3sink: an upload may be left"
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *PendingError) Unwrap() error { return e.err }

// Class returns the class of the cause.
func (e *PendingError) Class() stream.Class {
	if c := stream.ClassOf(e.err); c != stream.Unclassified {
		return c
	}
	return stream.Fatal
}

// pending adds the id of the upload to err, if the upload may be left at the service.
func (m *multipart) pending(err error) error {
	if !m.unfinished() {
		return err
	}
	return &PendingError{Bucket: m.bucket, Key: m.key, UploadID: m.id, err: err}
}
