package bsoncodec

import (
	"bytes"
	"encoding/binary"
)

// indexKey returns the offset after the key at src[i] if it is the array index n, otherwise -1.
func indexKey(src []byte, i, n int) int {
	if n < 10 {
		if i+2 <= len(src) && src[i] == byte('0'+n) && src[i+1] == 0 {
			return i + 2
		}
		return -1
	}
	if n < 100 {
		if i+3 <= len(src) && binary.LittleEndian.Uint16(src[i:]) == digitPairs[n] && src[i+2] == 0 {
			return i + 3
		}
		return -1
	}
	var b [20]byte
	key := append(appendUint(b[:0], uint64(n)), 0)
	if !bytes.HasPrefix(src[i:], key) {
		return -1
	}
	return i + len(key)
}
