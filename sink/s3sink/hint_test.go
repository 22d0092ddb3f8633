package s3sink_test

import (
	"strings"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestHints: an error names the option that helps, and no option that does not.
func TestHints(t *testing.T) {
	refuse := func(message string) func(*s3test.Request) *s3test.Reply {
		return func(*s3test.Request) *s3test.Reply {
			return &s3test.Reply{Status: 501, Body: []byte(
				"<Error><Code>NotImplemented</Code><Message>" + message + "</Message></Error>")}
		}
	}
	explicit := s3sink.UploadOptions{Checksum: s3sink.ChecksumCRC64NVME}
	for name, tt := range map[string]struct {
		service s3test.Service
		fault   func(*s3test.Request) *s3test.Reply
		opts    s3sink.UploadOptions
		parts   int
		size    int
		want    string // "" for no hint
	}{
		"a checksum": {
			fault: refuse("no such header"), opts: explicit, parts: 1000, size: 250,
			want: "ChecksumMD5",
		},
		"no KMS":            {fault: refuse("KMS is not configured"), opts: explicit, parts: 1000, size: 250},
		"B2":                {service: s3test.BackblazeB2, opts: explicit, parts: 1000, size: 250, want: "ChecksumMD5"},
		"parts of one size": {service: s3test.CloudflareR2, parts: 20, size: 3000, want: "FixedParts"},
	} {
		server, client := newServer(t, &s3test.Options{MinPartSize: -1, Service: tt.service})
		if tt.fault != nil {
			server.Fault(s3test.Fault{Op: "CreateMultipartUpload", Times: always, Before: tt.fault})
		}
		_, err := stream.Run(t.Context(), chunks(random(tt.size), 30), s3sink.UploadWithin(tt.parts, client, bucket,
			key,
			small(tt.opts)))
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case tt.want == "" && strings.Contains(err.Error(), "needs"), !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: %v, want a hint of %q", name, err, tt.want)
		}
	}
}
