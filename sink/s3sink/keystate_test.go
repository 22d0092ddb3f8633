package s3sink

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestCompare(t *testing.T) {
	mine := sent{token: "T", size: 7, parts: 2, algorithm: crc64Algorithm, sum: "SUM=", etag: `"tag"`}
	token := func(v string) map[string]string { return map[string]string{"Millweir-Write-Token": v} }
	for name, tt := range map[string]struct {
		out  s3.HeadObjectOutput
		want keyState
	}{
		"nothing":     {s3.HeadObjectOutput{}, keyUnknown},
		"token alone": {s3.HeadObjectOutput{Metadata: token("T")}, keyUnknown},
		"token and size": {
			s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(7)},
			keyOurs,
		},
		"token and sum": {s3.HeadObjectOutput{
			Metadata:          token("T"),
			ChecksumCRC64NVME: aws.String("SUM="),
		}, keyOurs},
		"token and ETag": {
			s3.HeadObjectOutput{Metadata: token("T"), ETag: aws.String("tag")},
			keyOurs,
		},
		"token, size and another ETag": {s3.HeadObjectOutput{
			Metadata: token("T"), ContentLength: aws.Int64(7),
			ETag: aws.String("kms"),
		}, keyOurs},
		"token, another size": {
			s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(6)},
			keyDamaged,
		},
		"token, size and another sum": {s3.HeadObjectOutput{
			Metadata: token("T"), ContentLength: aws.Int64(7),
			ChecksumCRC64NVME: aws.String("X="),
		}, keyDamaged},
		"token, size, sum of parts": {s3.HeadObjectOutput{
			Metadata: token("T"), ContentLength: aws.Int64(7),
			ChecksumCRC64NVME: aws.String("X=-2"),
		}, keyOurs},
		"another's token, all the same": {s3.HeadObjectOutput{
			Metadata: token("U"), ContentLength: aws.Int64(7),
			ChecksumCRC64NVME: aws.String("SUM="),
		}, keyOther},
		"other metadata, all the same": {s3.HeadObjectOutput{
			Metadata:      map[string]string{"a": ""},
			ContentLength: aws.Int64(7), ETag: aws.String("tag"),
		}, keyOther},
		"no metadata, all the same": {s3.HeadObjectOutput{
			ContentLength:     aws.Int64(7),
			ChecksumCRC64NVME: aws.String("SUM="), ETag: aws.String("tag"),
		}, keySameBytes},
		"no metadata, size":         {s3.HeadObjectOutput{ContentLength: aws.Int64(7)}, keySameBytes},
		"no metadata, another size": {s3.HeadObjectOutput{ContentLength: aws.Int64(8)}, keyOther},
		"no metadata, size and another sum": {s3.HeadObjectOutput{
			ContentLength:     aws.Int64(7),
			ChecksumCRC64NVME: aws.String("X="),
		}, keyOther},
		"composite sum": {s3.HeadObjectOutput{
			ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("X="), ChecksumType: types.ChecksumTypeComposite,
		}, keySameBytes},
	} {
		got, mismatch := mine.compare(&tt.out)
		if got != tt.want || (mismatch != nil) != errors.Is(mismatch, ErrMismatch) || got == keyOurs &&
			mismatch != nil || got == keyDamaged && mismatch == nil {
			t.Errorf("%s: %d, %v; want %d", name, got, mismatch, tt.want)
		}
	}
}

func TestPredates(t *testing.T) {
	begun := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		v     inspection
		begun time.Time
		want  bool
	}{
		"a day": {inspection{keyState: keyOther, modified: begun.Add(-24 * time.Hour)}, begun, true},
		"just past the skew": {
			inspection{keyState: keyOther, modified: begun.Add(-maxClockSkew - time.Second)},
			begun, true,
		},
		"within the skew": {inspection{keyState: keyOther, modified: begun.Add(-maxClockSkew)}, begun, false},
		"later":           {inspection{keyState: keyOther, modified: begun.Add(time.Hour)}, begun, false},
		"of parts": {
			inspection{keyState: keyOther, modified: begun.Add(-24 * time.Hour), etag: `"x-2"`},
			begun, false,
		},
		"undated": {inspection{keyState: keyOther}, begun, false},
		"a service without time": {
			inspection{keyState: keyOther, modified: begun.Add(-24 * time.Hour)},
			time.Time{},
			false,
		},
		"the same bytes": {
			inspection{keyState: keySameBytes, modified: begun.Add(-24 * time.Hour)},
			begun,
			false,
		},
	} {
		if got := tt.v.predates(tt.begun); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
