package s3sink

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestJudge(t *testing.T) {
	mine := sent{token: "T", size: 7, sum: "SUM=", etag: `"tag"`}
	token := func(v string) map[string]string { return map[string]string{"Millweir-Write-Token": v} }
	for name, tt := range map[string]struct {
		out  s3.HeadObjectOutput
		want sight
	}{
		"nothing":                           {s3.HeadObjectOutput{}, unseen},
		"token alone":                       {s3.HeadObjectOutput{Metadata: token("T")}, unseen},
		"token and size":                    {s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(7)}, ours},
		"token and sum":                     {s3.HeadObjectOutput{Metadata: token("T"), ChecksumCRC64NVME: aws.String("SUM=")}, ours},
		"token and ETag":                    {s3.HeadObjectOutput{Metadata: token("T"), ETag: aws.String("tag")}, ours},
		"token, size and another ETag":      {s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(7), ETag: aws.String("kms")}, ours},
		"token, another size":               {s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(6)}, damaged},
		"token, size and another sum":       {s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("X=")}, damaged},
		"token, size, sum of parts":         {s3.HeadObjectOutput{Metadata: token("T"), ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("X=-2")}, ours},
		"another's token, all the same":     {s3.HeadObjectOutput{Metadata: token("U"), ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("SUM=")}, other},
		"other metadata, all the same":      {s3.HeadObjectOutput{Metadata: map[string]string{"a": ""}, ContentLength: aws.Int64(7), ETag: aws.String("tag")}, other},
		"no metadata, all the same":         {s3.HeadObjectOutput{ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("SUM="), ETag: aws.String("tag")}, similar},
		"no metadata, size":                 {s3.HeadObjectOutput{ContentLength: aws.Int64(7)}, similar},
		"no metadata, another size":         {s3.HeadObjectOutput{ContentLength: aws.Int64(8)}, other},
		"no metadata, size and another sum": {s3.HeadObjectOutput{ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("X=")}, other},
		"composite sum": {s3.HeadObjectOutput{
			ContentLength: aws.Int64(7), ChecksumCRC64NVME: aws.String("X="), ChecksumType: types.ChecksumTypeComposite,
		}, similar},
	} {
		got, mismatch := mine.judge(&tt.out)
		if got != tt.want || (mismatch != nil) != errors.Is(mismatch, ErrMismatch) || got == ours && mismatch != nil || got == damaged && mismatch == nil {
			t.Errorf("%s: %d, %v; want %d", name, got, mismatch, tt.want)
		}
	}
}

func TestOlder(t *testing.T) {
	begun := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		v     view
		begun time.Time
		want  bool
	}{
		"a day":                  {view{sight: other, modified: begun.Add(-24 * time.Hour)}, begun, true},
		"just past the skew":     {view{sight: other, modified: begun.Add(-skew - time.Second)}, begun, true},
		"within the skew":        {view{sight: other, modified: begun.Add(-skew)}, begun, false},
		"later":                  {view{sight: other, modified: begun.Add(time.Hour)}, begun, false},
		"of parts":               {view{sight: other, modified: begun.Add(-24 * time.Hour), etag: `"x-2"`}, begun, false},
		"undated":                {view{sight: other}, begun, false},
		"a service without time": {view{sight: other, modified: begun.Add(-24 * time.Hour)}, time.Time{}, false},
		"the same bytes":         {view{sight: similar, modified: begun.Add(-24 * time.Hour)}, begun, false},
	} {
		if got := tt.v.older(tt.begun); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
