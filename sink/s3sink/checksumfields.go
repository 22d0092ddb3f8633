package s3sink

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3wire"
)

// The SDK has one field for each algorithm. sums are these fields.
type sums struct{ crc32, crc32c, crc64nvme, sha1, sha256 *string }

// sums returns value in the field of the algorithm.
func (a *algorithm) sums(value string) (s sums) {
	switch v := s3wire.NonEmpty(value); a.name {
	case types.ChecksumAlgorithmCrc32:
		s.crc32 = v
	case types.ChecksumAlgorithmCrc32c:
		s.crc32c = v
	case types.ChecksumAlgorithmCrc64nvme:
		s.crc64nvme = v
	case types.ChecksumAlgorithmSha1:
		s.sha1 = v
	case types.ChecksumAlgorithmSha256:
		s.sha256 = v
	}
	return s
}

// in returns the value of the field of the algorithm, or "".
func (a *algorithm) in(s sums) string {
	switch a.name {
	case types.ChecksumAlgorithmCrc32:
		return aws.ToString(s.crc32)
	case types.ChecksumAlgorithmCrc32c:
		return aws.ToString(s.crc32c)
	case types.ChecksumAlgorithmCrc64nvme:
		return aws.ToString(s.crc64nvme)
	case types.ChecksumAlgorithmSha1:
		return aws.ToString(s.sha1)
	case types.ChecksumAlgorithmSha256:
		return aws.ToString(s.sha256)
	}
	return ""
}

func setPut(in *s3.PutObjectInput, s sums) {
	in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME = s.crc32, s.crc32c, s.crc64nvme
	in.ChecksumSHA1, in.ChecksumSHA256 = s.sha1, s.sha256
}

func setPart(in *s3.UploadPartInput, s sums) {
	in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME = s.crc32, s.crc32c, s.crc64nvme
	in.ChecksumSHA1, in.ChecksumSHA256 = s.sha1, s.sha256
}

func setCompleted(in *types.CompletedPart, s sums) {
	in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME = s.crc32, s.crc32c, s.crc64nvme
	in.ChecksumSHA1, in.ChecksumSHA256 = s.sha1, s.sha256
}

func setComplete(in *s3.CompleteMultipartUploadInput, s sums) {
	in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME = s.crc32, s.crc32c, s.crc64nvme
	in.ChecksumSHA1, in.ChecksumSHA256 = s.sha1, s.sha256
}

func sumsOfPut(o *s3.PutObjectOutput) sums {
	return sums{o.ChecksumCRC32, o.ChecksumCRC32C, o.ChecksumCRC64NVME, o.ChecksumSHA1, o.ChecksumSHA256}
}

func sumsOfPart(o *s3.UploadPartOutput) sums {
	return sums{o.ChecksumCRC32, o.ChecksumCRC32C, o.ChecksumCRC64NVME, o.ChecksumSHA1, o.ChecksumSHA256}
}

func sumsOfComplete(o *s3.CompleteMultipartUploadOutput) sums {
	return sums{o.ChecksumCRC32, o.ChecksumCRC32C, o.ChecksumCRC64NVME, o.ChecksumSHA1, o.ChecksumSHA256}
}

func sumsOfHead(o *s3.HeadObjectOutput) sums {
	return sums{o.ChecksumCRC32, o.ChecksumCRC32C, o.ChecksumCRC64NVME, o.ChecksumSHA1, o.ChecksumSHA256}
}
