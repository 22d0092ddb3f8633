package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/bits"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Tally counts documents and computes their digests. Two collections with the same documents in the
// same order have equal tallies. If the order differs, their Documents, Bytes and Sum are equal.
type Tally struct {
	Documents int64 `bson:"documents" json:"documents"`
	Bytes     int64 `bson:"bytes" json:"bytes"` // of the documents as BSON

	// Digest is the SHA-256 of the documents' SHA-256 hashes, one after the other, in hexadecimal.
	Digest string `bson:"digest" json:"digest"`

	// Sum is the sum of the documents' SHA-256 hashes, as numbers with the first byte the highest,
	// modulo 2^256, in hexadecimal. It detects accidents, but not a forgery.
	Sum string `bson:"sum" json:"sum"`
}

// tally computes a [Tally].
type tally struct {
	documents, bytes int64
	ordered          hash.Hash // nil if documents are counted only
	sum              sum256
	hash             [sha256.Size]byte // of the last document: a field, so that Write does not allocate it
}

func newTally() *tally { return &tally{ordered: sha256.New()} }

// newCount returns a tally that computes no hashes. Its result has no Digest and no Sum.
func newCount() *tally { return &tally{} }

// add counts a document.
func (t *tally) add(doc bson.Raw) {
	t.documents++
	t.bytes += int64(len(doc))
	if t.ordered == nil {
		return
	}
	t.hash = sha256.Sum256(doc)
	_, _ = t.ordered.Write(t.hash[:])
	t.sum.add(t.hash)
}

// result returns the tally of the documents so far.
func (t *tally) result() Tally {
	if t.ordered == nil {
		return Tally{Documents: t.documents, Bytes: t.bytes}
	}
	return Tally{
		Documents: t.documents, Bytes: t.bytes,
		Digest: hex.EncodeToString(t.ordered.Sum(nil)), Sum: t.sum.String(),
	}
}

// sum256 is a number modulo 2^256: four words, the lowest first.
type sum256 [4]uint64

// add adds the number whose bytes are h, the highest first.
func (s *sum256) add(h [32]byte) {
	carry := uint64(0)
	for i := range s {
		s[i], carry = bits.Add64(s[i], binary.BigEndian.Uint64(h[8*(3-i):]), carry)
	}
}

// String returns the number as 64 hexadecimal digits.
func (s *sum256) String() string {
	var p [32]byte
	for i, word := range s {
		binary.BigEndian.PutUint64(p[8*(3-i):], word)
	}
	return hex.EncodeToString(p[:])
}

// parseSum is the inverse of String.
func parseSum(text string) (s sum256, ok bool) {
	p, err := hex.DecodeString(text)
	if err != nil || len(p) != 32 {
		return s, false
	}
	s.add([32]byte(p))
	return s, true
}

// Plus returns the tally of the documents of t and then u, without Digest, which does not follow
// from two others. It returns false if a Sum is not valid.
func (t Tally) Plus(u Tally) (Tally, bool) {
	a, ok := parseSum(t.Sum)
	b, ok2 := parseSum(u.Sum)
	if !ok || !ok2 {
		return Tally{}, false
	}
	carry := uint64(0)
	for i := range a {
		a[i], carry = bits.Add64(a[i], b[i], carry)
	}
	return Tally{Documents: t.Documents + u.Documents, Bytes: t.Bytes + u.Bytes, Sum: a.String()}, true
}

// SameDocuments reports whether t and u have the same documents, whatever their order.
func (t Tally) SameDocuments(u Tally) bool {
	return t.Documents == u.Documents && t.Bytes == u.Bytes && t.Sum == u.Sum
}

// isOf reports whether t, which may be a count, is the tally all.
func (t Tally) isOf(all Tally) bool {
	if t.Digest == "" {
		all.Digest, all.Sum = "", ""
	}
	return t == all
}

// atMost returns a function that passes documents to emit. It returns an error once there are more
// documents or bytes than t has. Objects are decoded before they are proven, and a small object can
// decode to a very large one.
func (t Tally) atMost(emit func(bson.Raw) error) func(bson.Raw) error {
	var documents, bytes int64
	return func(doc bson.Raw) error {
		documents++
		bytes += int64(len(doc))
		if documents > t.Documents || bytes > t.Bytes {
			return damaged("it has more than %d documents of %d bytes", t.Documents, t.Bytes)
		}
		return emit(doc)
	}
}
