package s3sink

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// The limits of names and metadata
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
const (
	maxKey      = 1024    // bytes
	maxMetadata = 2 << 10 // bytes of all names and values
	maxTags     = 10

	maxParallelism = 10_000
)

// tokenSize is the size in bytes of the write token's name and value.
const tokenSize = len(MetadataWriteToken) + 26

// invalid returns the fatal error of a bad parameter.
func invalid(format string, args ...any) error {
	return stream.Mark(fmt.Errorf("s3sink: "+format, args...), stream.Fatal)
}

// check returns an error if a setting is out of range, contradicts another, or cannot be sent.
func (s *settings) check() error {
	return cmp.Or(s.checkTarget(), s.checkSizes(), s.checkHeaders(), s.checkMetadata(), s.checkTags(), s.checkLock(),
		s.checkCustomerKey(), s.checkResume())
}

func (s *settings) checkTarget() error {
	switch {
	case s.client == nil:
		return invalid("the client is nil")
	case s.bucket == "":
		return invalid("the bucket's name is empty")
	case !isHeaderValue(s.bucket):
		return invalid("the bucket's name is %s", printable.Quote(s.bucket))
	case s.key == "":
		return invalid("the object's key is empty")
	case len(s.key) > maxKey:
		return invalid("the object's key has %d bytes, want at most %d", len(s.key), maxKey)
	case !utf8.ValidString(s.key):
		return invalid("the object's key is not UTF-8")
	case strings.Contains(s.key, "\x00"):
		return invalid("the object's key has a NUL byte, which no service can list")
	}
	return nil
}

func (s *settings) checkSizes() error {
	o, l := &s.opts, s.limits
	switch {
	case o.PartSize < l.minPart || o.PartSize > l.maxPart || o.PartSize > math.MaxInt:
		return invalid("PartSize is %d bytes, want %d to %d", o.PartSize, l.minPart, l.maxPart)
	case o.Parallelism < 1 || o.Parallelism > maxParallelism:
		return invalid("Parallelism is %d, want 1 to %d", o.Parallelism, maxParallelism)
	case l.maxParts < 1 || l.maxParts > s3Limits.maxParts:
		return invalid("MaxParts is %d, want 1 to %d", l.maxParts, s3Limits.maxParts)
	case o.MaxSize < 0 || o.ExpectedSize < 0 || o.MaxMemory < 0:
		return invalid("MaxSize, ExpectedSize or MaxMemory is negative")
	case o.MaxSize > 0 && o.ExpectedSize > o.MaxSize:
		return invalid("ExpectedSize is %d bytes, and MaxSize is %d", o.ExpectedSize, o.MaxSize)
	case algorithms[o.Checksum] == nil:
		return invalid("Checksum is %d, want ChecksumAuto to ChecksumNone", o.Checksum)
	case o.StallTimeout < 0 || o.AbortTimeout < 0:
		return invalid("a timeout is negative")
	}
	return nil
}

// checkSchedule returns an error if the parts cannot hold the stream, within the memory.
func (s *settings) checkSchedule() error {
	o, want := &s.opts, max(s.opts.MaxSize, s.opts.ExpectedSize)
	buffers := int64(o.Parallelism) + 1
	all, _ := s.sizes.capacity(0)
	switch {
	case s.sizes.base > s.limits.maxPart || s.sizes.base > math.MaxInt/buffers:
		return invalid("parts of %d bytes are too large; ExpectedSize is %d", s.sizes.base, o.ExpectedSize)
	case o.MaxMemory > 0 && s.sizes.base*buffers > o.MaxMemory:
		return invalid("MaxMemory is %d bytes, want at least %d for Parallelism %d and parts of %d bytes",
			o.MaxMemory, s.sizes.base*buffers, o.Parallelism, s.sizes.base)
	case all >= want:
		return nil
	case o.FixedParts:
		return invalid("%d parts of %d bytes do not hold %d bytes: PartSize must be at least %d",
			s.sizes.parts, s.sizes.base, want, ceilDiv(want, int64(s.sizes.parts)))
	case o.MaxMemory > 0:
		return invalid("MaxMemory of %d bytes allows an object of %d bytes, not %d: "+
			"lower Parallelism, or raise MaxMemory",
			o.MaxMemory, all, want)
	}
	return invalid("%d parts hold %d bytes, not %d", s.sizes.parts, all, want)
}

func (s *settings) checkHeaders() error {
	o := &s.opts
	for name, value := range map[string]string{
		"ContentType": o.ContentType, "ContentEncoding": o.ContentEncoding,
		"ContentDisposition": o.ContentDisposition, "CacheControl": o.CacheControl,
		"StorageClass": o.StorageClass, "ACL": o.ACL,
		"ServerSideEncryption": o.ServerSideEncryption, "SSEKMSKeyID": o.SSEKMSKeyID,
	} {
		if !isHeaderValue(value) {
			return invalid("%s is %s: a header has no control characters, and no blanks at its ends",
				name, printable.Quote(value))
		}
	}
	if o.SSEKMSKeyID != "" && o.ServerSideEncryption != "aws:kms" && o.ServerSideEncryption != "aws:kms:dsse" {
		return invalid("SSEKMSKeyID goes with ServerSideEncryption aws:kms, not %q", o.ServerSideEncryption)
	}
	return nil
}

func (s *settings) checkMetadata() error {
	size := tokenSize
	for name, value := range s.opts.Metadata {
		size += len(name) + len(value)
		switch {
		case strings.EqualFold(name, MetadataWriteToken):
			return invalid("Metadata has %q, which the upload sets itself", MetadataWriteToken)
		case !isHeaderName(name):
			return invalid("Metadata has the name %s: want letters, digits and !#$%%&'*+-.^_`|~", printable.Quote(name))
		case !isHeaderValue(value):
			return invalid("Metadata has the value %s for %s: want UTF-8 without control characters, and without "+
				"blanks at its ends, which services remove", printable.Quote(value), name)
		}
	}
	if size > maxMetadata {
		return invalid("Metadata has %d bytes with the write token, want at most %d", size, maxMetadata)
	}
	return nil
}

func (s *settings) checkTags() error {
	tags, err := url.ParseQuery(s.opts.Tagging)
	switch {
	case err != nil || !isHeaderValue(s.opts.Tagging):
		return invalid("Tagging is %s, want a URL query such as team=db&keep=30d", printable.Quote(s.opts.Tagging))
	case len(tags) > maxTags:
		return invalid("Tagging has %d tags, want at most %d", len(tags), maxTags)
	}
	return nil
}

// isHeaderName reports whether s can be part of a header's name
// (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
func isHeaderName(s string) bool {
	for _, c := range []byte(s) {
		alphanumeric := '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isHeaderValue reports whether s arrives unchanged as the value of a header.
func isHeaderValue(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s) && strings.Trim(s, " ") == s
}
