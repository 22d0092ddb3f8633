package s3sink

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/printable"
)

// encrypts reports whether the upload asks for encryption. The service must confirm it before there
// is an object, even a short one.
func (s *settings) encrypts() bool { return s.opts.ServerSideEncryption != "" || s.customerKey.IsSet() }

// encryption is what a reply says about the encryption of a part or an object.
type encryption struct {
	sse                            types.ServerSideEncryption
	customerAlgorithm, customerMD5 *string
}

// encrypted returns an error unless the service confirms the requested encryption. Most services
// confirm it when an upload begins and with every part, MinIO only with the parts.
func (s *settings) encrypted(answer encryption) error {
	if asked := types.ServerSideEncryption(s.opts.ServerSideEncryption); asked != "" && answer.sse != asked {
		return fmt.Errorf("%w: the answer to %s is %s", ErrNotEncrypted, asked, printable.Quote(string(answer.sse)))
	}
	if !s.customerKey.ConfirmedBy(answer.customerAlgorithm, answer.customerMD5) {
		return fmt.Errorf("%w: the answer to CustomerKey does not name the key", ErrNotEncrypted)
	}
	return nil
}
