package s3store

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// maxPrefix leaves room for the longest key of a store in the 1,024 bytes of a key of S3.
const maxPrefix = 300

// folder returns the prefix of the keys in the bucket.
func folder(prefix string) string {
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return prefix
	}
	return prefix + "/"
}

// checkSettings returns an error if a setting is wrong, or is the store's own to set.
func (s *Store) checkSettings() error {
	o := &s.opts
	switch {
	case s.client == nil:
		return invalid("the client is nil")
	case s.bucket == "":
		return invalid("the bucket's name is empty")
	case o.LockMode != "" && o.LockMode != s3sink.Governance && o.LockMode != s3sink.Compliance:
		return invalid("LockMode is %s, want Governance or Compliance", printable.Quote(string(o.LockMode)))
	case o.Upload.LockMode != "" || !o.Upload.LockUntil.IsZero():
		return invalid("Upload has a lock: set PutOptions.RetainUntil, and Options.LockMode")
	case o.Upload.Resume != nil || o.Upload.KeepUpload:
		return invalid("Upload has Resume or KeepUpload: an object is stored by one run")
	case o.Download.Offset != 0 || o.Download.Length != 0:
		return invalid("Download has Offset or Length: set those of GetOptions")
	case o.Download.VersionID != "" || o.Download.IfMatch != "":
		return invalid("Download has VersionID or IfMatch, which belong to one object")
	case !bytes.Equal(o.Upload.CustomerKey, o.Download.CustomerKey):
		return invalid("Upload and Download have different keys of a customer: what is stored could not be read")
	}
	return checkPrefix(s.prefix)
}

// checkPrefix returns an error if some service could read the prefix in another way.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if len(prefix) > maxPrefix {
		return invalid("the prefix has %d bytes, want at most %d", len(prefix), maxPrefix)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(prefix, "/"), "/") {
		if name == "" || name == "." || name == ".." {
			return invalid("the prefix %s has the name %q in it", printable.Quote(prefix), name)
		}
	}
	for _, c := range prefix {
		if c < ' ' || c == 0x7f || c == '\\' || c == utf8.RuneError {
			return invalid("the prefix %s has the character %q", printable.Quote(prefix), c)
		}
	}
	return nil
}

// setDefaults gives the options of every request what they do not say.
func (s *Store) setDefaults() {
	o := &s.opts
	o.Upload.IfAbsent = true
	o.Upload.RetryTimeout = cmp.Or(o.Upload.RetryTimeout, o.RetryTimeout)
	o.Download.RetryTimeout = cmp.Or(o.Download.RetryTimeout, o.RetryTimeout)
	if o.Upload.OnRetry == nil {
		o.Upload.OnRetry = o.OnRetry
	}
	if o.Download.OnRetry == nil {
		o.Download.OnRetry = o.OnRetry
	}
}

// lockMode returns the mode of a new protection.
func (s *Store) lockMode() s3sink.LockMode { return cmp.Or(s.opts.LockMode, s3sink.Governance) }

// check returns an error if a setting is wrong or no object can have the key.
func (s *Store) check(key string) error {
	if s.invalid != nil {
		return s.invalid
	}
	return backup.CheckKey(key)
}

// invalid returns the fatal error of a wrong setting.
func invalid(format string, args ...any) error {
	return stream.Mark(fmt.Errorf("s3store: "+format, args...), stream.Fatal)
}
