package s3sink

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestETagOfParts(t *testing.T) {
	const a, b = `"0cc175b9c0f1b6a831c399e269772661"`, `92eb5ffee6ae2fec3ad71c777531578f` // MD5 of "a" and "b"
	for name, tt := range map[string]struct {
		etags []string
		want  string
	}{
		"one part":                   {[]string{a}, `"b6ff9a06b7e20bcb2858c5b8ff744aea-1"`},
		"two parts, one not quoted":  {[]string{a, b}, `"96e024ba2074fe77e8e965ba43a704be-2"`},
		"a part that is not an MD5":  {[]string{a, `"x"`}, ""},
		"a part with a shorter hash": {[]string{`"0cc1"`}, ""},
	} {
		var parts []types.CompletedPart
		for _, e := range tt.etags {
			parts = append(parts, types.CompletedPart{ETag: aws.String(e)})
		}
		if got := etagOfParts(parts); got != tt.want {
			t.Errorf("%s: ETag %s, want %s", name, got, tt.want)
		}
	}
}

// TestPartList adds parts out of order, as the senders do.
func TestPartList(t *testing.T) {
	var l partList
	l.add(types.CompletedPart{PartNumber: aws.Int32(3), ETag: aws.String("c")}, nil)
	l.add(types.CompletedPart{PartNumber: aws.Int32(1), ETag: aws.String("a")}, nil)
	if l.gotSum || l.maybeInFlight {
		t.Errorf("gotSum is %v and maybeInFlight is %v, want false", l.gotSum, l.maybeInFlight)
	}
	l.add(types.CompletedPart{PartNumber: aws.Int32(2), ETag: aws.String("b")}, aws.String("sum"))
	l.addUnanswered()
	got := ""
	for _, p := range l.completed {
		got += aws.ToString(p.ETag)
	}
	if got != "abc" || !l.gotSum || !l.maybeInFlight {
		t.Errorf("parts %q, gotSum %v, maybeInFlight %v, want abc, true, true", got, l.gotSum, l.maybeInFlight)
	}
}
