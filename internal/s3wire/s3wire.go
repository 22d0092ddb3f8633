// Package s3wire writes values in the form that the S3 protocol and its SDK want.
package s3wire

import (
	"encoding/base64"
	"encoding/binary"
)

// CRC64NVME returns crc as S3 writes a checksum: base64 of its eight bytes in big-endian order.
func CRC64NVME(crc uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc))
}

// NonEmpty returns a pointer to s, or nil for "". The SDK sends no header for nil.
func NonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
