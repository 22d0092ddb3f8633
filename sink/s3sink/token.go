package s3sink

import (
	"crypto/rand"
	"strings"
)

// MetadataWriteToken is the name of the metadata by which a run recognizes its own object. Every
// object that [Upload] stores has it, as the header x-amz-meta-millweir-write-token with at least
// 128 random bits. It has no other use, and a copy of the object may drop it.
const MetadataWriteToken = "millweir-write-token"

// newWriteToken returns a token that no other run has.
func newWriteToken() string { return rand.Text() }

// writeTokenIn returns the write token in an object's metadata, or "". Services differ in the case
// of names.
func writeTokenIn(metadata map[string]string) string {
	for name, value := range metadata {
		if strings.EqualFold(name, MetadataWriteToken) {
			return value
		}
	}
	return ""
}
