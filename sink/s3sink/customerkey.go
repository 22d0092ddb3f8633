package s3sink

import "github.com/millweir/millweir/internal/s3key"

// CustomerKey is a key of SSE-C, 32 bytes. Package fmt, JSON and logs do not show them, unless they
// print an unexported field, whose methods they do not call. A []byte can be assigned to it.
type CustomerKey = s3key.CustomerKey

// checkCustomerKey returns an error if CustomerKey cannot be used. It moves the key out of the
// options, into a value that hides it.
func (s *settings) checkCustomerKey() error {
	key, err := s3key.New(s.opts.CustomerKey)
	if err != nil {
		return invalid("%w", err)
	}
	s.customerKey, s.opts.CustomerKey = key, nil
	if key.IsSet() && s.opts.ServerSideEncryption != "" {
		return invalid("CustomerKey and ServerSideEncryption are two encryptions: set one of them")
	}
	if err := key.CheckClient(s.client); err != nil {
		return invalid("%w", err)
	}
	return nil
}
