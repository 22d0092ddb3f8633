package bsoncodec_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// TestLongNumbers: a number may be longer than the longest text of a value. One over the limit is
// refused at its beginning, before it is parsed.
func TestLongNumbers(t *testing.T) {
	const most = 8192
	for form, tail := range map[string]string{
		`{"a":#}`:                             "}",
		`{"a":{"$numberInt":"#"}}`:            `"}}`,
		`{"a":{"$numberLong":"#"}}`:           `"}}`,
		`{"a":{"$numberDouble":"#"}}`:         `"}}`,
		`{"a":{"$numberDecimal":"#"}}`:        `"}}`,
		`{"a":{"$date":{"$numberLong":"#"}}}`: `"}}}`,
		`{"a":{ "$numberDouble" : "#" } }`:    `" } }`,
	} {
		head, _, _ := strings.Cut(form, "#")
		number := strings.Repeat("0", most-1) + "1"
		if form == `{"a":#}` {
			number = "0." + number[2:]
		}
		if _, err := bsoncodec.AppendBSON(nil, []byte(head+number+tail), nil); err != nil {
			t.Errorf("%s with %d characters: %v", form, most, err)
		}
		_, err := bsoncodec.AppendBSON(nil, []byte(head+number+"0"+tail), nil)
		at := len(strings.TrimSuffix(head, `"`))
		if e := isSyntax(t, err); !errors.Is(err, bsoncodec.ErrSize) || e.Column != at {
			t.Errorf("%s with more: column %d, want %d: %v", form, e.Column, at, err)
		}
	}
}

// TestLongestNumbersOfValues: the longest texts that programs write for a number are read exactly.
func TestLongestNumbersOfValues(t *testing.T) {
	smallest := strconv.FormatFloat(math.SmallestNonzeroFloat64, 'f', 1074, 64)
	for text, want := range map[string]string{
		`{"a":` + smallest + `}`:                                          `{"a":{"$numberDouble":"5e-324"}}`,
		`{"a":{"$numberDouble":"` + smallest + `"}}`:                      `{"a":{"$numberDouble":"5e-324"}}`,
		`{"a":{"$numberDecimal":"0.` + strings.Repeat("0", 6175) + `1"}}`: `{"a":{"$numberDecimal":"1E-6176"}}`,
		`{"a":{"$numberDecimal":"1` + strings.Repeat("0", 6111) + `"}}`: `{"a":{"$numberDecimal":"1.` +
			strings.Repeat("0", 33) + `E+6111"}}`,
	} {
		doc, err := bsoncodec.AppendBSON(nil, []byte(text), nil)
		if err != nil {
			t.Errorf("%d characters: %v", len(text), err)
			continue
		}
		got, err := bsoncodec.AppendExtJSON(nil, doc, nil)
		if err != nil || !strings.EqualFold(string(got), want) {
			t.Errorf("%d characters became %s, %v; want %s", len(text), got, err, want)
		}
	}
}
