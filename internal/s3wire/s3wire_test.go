package s3wire_test

import (
	"testing"

	"github.com/minio/crc64nvme"

	"github.com/millweir/millweir/internal/s3wire"
)

func TestCRC64NVME(t *testing.T) {
	// The check value of CRC-64/NVME for "123456789" is ae8b14860a799888.
	for crc, want := range map[uint64]string{
		0:                                       "AAAAAAAAAAA=",
		crc64nvme.Checksum([]byte("123456789")): "rosUhgp5mIg=",
	} {
		if got := s3wire.CRC64NVME(crc); got != want {
			t.Errorf("CRC64NVME(%x) = %s, want %s", crc, got, want)
		}
	}
}

func TestNonEmpty(t *testing.T) {
	if got := s3wire.NonEmpty(""); got != nil {
		t.Errorf(`NonEmpty("") = %q, want nil`, *got)
	}
	if got := s3wire.NonEmpty("a"); got == nil || *got != "a" {
		t.Errorf(`NonEmpty("a") = %v, want a pointer to "a"`, got)
	}
}
