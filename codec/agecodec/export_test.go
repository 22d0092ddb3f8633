package agecodec

import (
	"testing"

	"filippo.io/age"
)

// SealForTest makes a file of the given chunks, however they may be cut.
func SealForTest(t *testing.T, to age.Recipient, chunks ...[]byte) []byte {
	t.Helper()
	head, p, err := beginFile(t.Context(), []age.Recipient{to})
	if err != nil {
		t.Fatal(err)
	}
	file := head
	for i, c := range chunks {
		flag := moreChunks
		if i == len(chunks)-1 {
			flag = lastChunk
		}
		file = p.aead.Seal(file, p.nextNonce(flag), c, nil)
	}
	return file
}
