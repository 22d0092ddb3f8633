package bsonwire

import "encoding/binary"

// Length returns the length at src[i], which has at least 4 bytes. It may be negative.
func Length(src []byte, i int) int {
	return int(int32(binary.LittleEndian.Uint32(src[i:])))
}

// PutLength overwrites the length at dst[start:] with the number of bytes from start to the end of
// dst.
func PutLength(dst []byte, start int) {
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
}

// HasLength reports whether doc is as long as its own length says.
func HasLength(doc []byte) bool {
	return len(doc) >= MinDocumentSize && Length(doc, 0) == len(doc)
}

// HasFrame reports whether doc is as long as its own length says and ends with a terminator.
func HasFrame(doc []byte) bool {
	return HasLength(doc) && doc[len(doc)-1] == 0
}
