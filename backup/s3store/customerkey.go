package s3store

import (
	"bytes"

	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
)

// takeCustomerKey moves a copy of the customer's key out of the options, into a function: package
// fmt prints unexported fields, and the caller may wipe its own key.
func (s *Store) takeCustomerKey() {
	key := bytes.Clone(s.opts.Upload.CustomerKey)
	s.customerKey = func() s3sink.CustomerKey { return key }
	s.opts.Upload.CustomerKey, s.opts.Download.CustomerKey = nil, nil
}

// upload returns the options of an upload.
func (s *Store) upload() s3sink.UploadOptions {
	o := s.opts.Upload
	o.CustomerKey = s.customerKey()
	return o
}

// download returns the options of a download.
func (s *Store) download() s3source.DownloadOptions {
	o := s.opts.Download
	o.CustomerKey = s.customerKey()
	return o
}
