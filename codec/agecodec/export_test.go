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
		file = p.aead.Seal(file, p.next(i == len(chunks)-1), c, nil)
	}
	return file
}
