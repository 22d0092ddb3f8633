package s3store

import (
	"context"

	"github.com/millweir/millweir/sink/s3sink"
)

// probeKey is the key of the object that [Store.Check] stores. It is no key of a store, so no list
// has it.
const probeKey = ".probe"

// checkConditional returns an error if the service does not refuse to replace an object.
func (s *Store) checkConditional(ctx context.Context) error {
	upload := s.upload()
	return s3sink.ProbeIfAbsent(ctx, s.client, s.bucket, s.prefix+probeKey, &upload)
}
