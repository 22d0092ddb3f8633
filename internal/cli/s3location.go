package cli

import (
	"time"
	"unicode/utf8"
)

// Locate sets the bucket, the prefix of the keys and the time of --retry in place of the flags.
func (s *S3) Locate(bucket, prefix string, retry time.Duration) {
	s.Bucket, s.Key, s.retry, s.located = bucket, prefix, retry, true
}

// checkLocation is CheckFlags for what Locate has set.
func (s *S3) checkLocation() error {
	switch {
	case s.Bucket == "":
		return Usagef("s3:// has no bucket: want s3://BUCKET/PREFIX")
	case !bucketName.MatchString(s.Bucket):
		return Usagef("%s: %q cannot be the name of a bucket: want 3 to 63 lower-case letters, digits, dots and hyphens",
			s.URL(), s.Bucket)
	case !utf8.ValidString(s.Key):
		return Usagef("s3://%s: the prefix %q is not UTF-8", s.Bucket, s.Key)
	case s.retry < 0:
		return Usagef("--retry %v is negative", s.retry)
	}
	return nil
}

// bucketWord returns what the operator has to correct if the bucket is wrong.
func (s *S3) bucketWord() string {
	if s.located {
		return "the name in " + s.URL()
	}
	return "-bucket"
}
