package agecodec

import (
	"testing"

	"filippo.io/age"
)

// SealForTest returns a file with the given chunks, whose sizes may break the rules of the format.
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
