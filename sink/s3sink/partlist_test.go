package s3sink

import (
	"errors"
	"testing"
)

// The MD5 of "a" and of "b", as ETags.
const md5A, md5B = `"0cc175b9c0f1b6a831c399e269772661"`, `92eb5ffee6ae2fec3ad71c777531578f`

func TestETagOfParts(t *testing.T) {
	for name, tt := range map[string]struct {
		etags []string
		want  string
	}{
		"one part":                   {[]string{md5A}, `"b6ff9a06b7e20bcb2858c5b8ff744aea-1"`},
		"two parts, one not quoted":  {[]string{md5A, md5B}, `"96e024ba2074fe77e8e965ba43a704be-2"`},
		"a part that is not an MD5":  {[]string{md5A, `"x"`}, ""},
		"a part with a shorter hash": {[]string{`"0cc1"`}, ""},
	} {
		var parts []sentPart
		for _, e := range tt.etags {
			parts = append(parts, sentPart{etag: e})
		}
		if got := etagOfParts(parts); got != tt.want {
			t.Errorf("%s: ETag %s, want %s", name, got, tt.want)
		}
	}
}

// TestPartList adds parts out of order, as the senders do.
func TestPartList(t *testing.T) {
	var l partList
	l.add(sentPart{n: 3, etag: "c"})
	l.add(sentPart{n: 1, etag: "a"})
	if l.echoed() || l.maybeInFlight {
		t.Errorf("echoed is %v and maybeInFlight is %v, want false", l.echoed(), l.maybeInFlight)
	}
	l.add(sentPart{n: 2, etag: "b", echoed: true, algorithm: crc64Algorithm, sum: []byte("sum")})
	l.addUnanswered()
	got := ""
	for _, p := range l.completed() {
		got += *p.ETag
		if (p.ChecksumCRC64NVME != nil) != (*p.ETag == "b") {
			t.Errorf("part %s has the checksum %v", *p.ETag, p.ChecksumCRC64NVME)
		}
	}
	if got != "abc" || !l.echoed() || !l.maybeInFlight {
		t.Errorf("parts %q, echoed %v, maybeInFlight %v, want abc, true, true", got, l.echoed(), l.maybeInFlight)
	}
}

// TestVerified: the result states only what the service has confirmed for every part.
func TestVerified(t *testing.T) {
	echoed := sentPart{echoed: true, algorithm: crc64Algorithm}
	byMD5, opaque := sentPart{isMD5: true, etag: md5A}, sentPart{n: 3, etag: md5B}
	for name, tt := range map[string]struct {
		parts   []sentPart
		want    string
		damaged bool
	}{
		"none":                  {nil, "", false},
		"all checksums":         {[]sentPart{echoed, echoed}, "CRC64NVME", false},
		"checksums, then MD5":   {[]sentPart{echoed, byMD5}, "MD5", false},
		"MD5, then checksums":   {[]sentPart{byMD5, echoed}, "MD5", false},
		"ETags that are no MD5": {[]sentPart{opaque, opaque}, "", false},
		"one ETag is no MD5":    {[]sentPart{byMD5, opaque}, "", true},
		"an ETag of no hash":    {[]sentPart{byMD5, {etag: "x"}}, "", false},
	} {
		l := partList{acked: tt.parts}
		if got := l.verified(); got != tt.want {
			t.Errorf("%s: verified by %q, want %q", name, got, tt.want)
		}
		if err := l.damaged(); errors.Is(err, ErrMismatch) != tt.damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}
