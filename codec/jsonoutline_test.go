package codec_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
)

// loud is a type that refuses null.
type loud string

func (l *loud) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return errors.New("null")
	}
	return json.Unmarshal(text, (*string)(l))
}

// sized is a map key that is read from its text.
type sized int

func (s *sized) UnmarshalText(text []byte) error { *s = sized(len(text)); return nil }

// TestUnknownMembersOfLongTexts compares with a strict json.Decoder, which copies the text.
func TestUnknownMembersOfLongTexts(t *testing.T) {
	type inner struct {
		A     string
		Inner *inner
	}
	type outer struct {
		Text   string
		Quoted int `json:",string"`
		Raw    json.RawMessage
		Bytes  []byte
		Loud   loud
		Any    any
		Number json.Number
		Map    map[string]inner
		Sized  map[sized]inner
		List   []inner
		Fixed  [2]string
		inner
	}
	long := strings.Repeat("x", 2<<20)
	odd := strings.Repeat(`\u0001\"\\é\ud83c\udf6a`, 100_000)
	for _, c := range []string{
		`{"text":"#"}`, `{"texts":"#"}`, `{"texts":"#","text":1}`, `{"text":1,"texts":"#"}`,
		`{"Raw":{"unknown":"#"}}`, `{"Any":{"unknown":"#"}}`, `{"Any":["#",-1.5e+7,true,null,{}]}`,
		`{"Loud":"#"}`, `{"Loud":"#","x":1}`, `{"x":1,"Loud":"#"}`,
		`{"Map":{"#":{"A":"a"}}}`, `{"Map":{"#":{"B":"a"}}}`, `{"Map":{"a":{"A":"#","B":1}}}`,
		`{"Sized":{"#":{"A":"a"}}}`, `{"Sized":{"#":{"a":"a","B":{}}}}`,
		`{"List":[{"A":"#"},{"Inner":{"Inner":{"a":"#"}}}]}`, `{"List":[{"A":"#"},{"Inner":{"Inner":{"c":1}}}]}`,
		`{"Fixed":["#","#","#"]}`, `{"A":"#"}`, `{"Bytes":"#"}`, `{"Quoted":"#"}`, `{"Quoted":"1","Any":"#"}`,
		`{"#":1}`, ` { "#" : "#" , "Text" : "a" } `, `{"Text":"#"`, `{"Text":"#"}}`, `{"Text":"#","x"}`, `[{"x":"#"}]`,
		`"#"`,
		`{"Number":1#2}`, `{"Number":1#2,"x":-1#2}`,
	} {
		for _, fill := range []string{long, odd, strings.Repeat("0", 2<<20), strings.Repeat(" ", 2<<20)} {
			text := strings.ReplaceAll(c, "#", fill)
			var want outer
			d := json.NewDecoder(strings.NewReader(text))
			d.DisallowUnknownFields()
			werr := d.Decode(&want)
			if werr == nil && !json.Valid([]byte(text)) {
				werr = errors.New("more follows")
			}
			got, err := codec.ParseJSON[outer](&codec.ParseJSONLinesOptions{RejectUnknown: true})(t.Context(),
				[]byte(text))
			if (err == nil) != (werr == nil) {
				t.Errorf("%s with %.9q…: %.200v, encoding/json: %.200v", c, fill, err, werr)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %.9q…: another value", c, fill)
			}
		}
	}
}

// TestPlaceOfALongUnknownMember has a member whose name is shortened in the error.
func TestPlaceOfALongUnknownMember(t *testing.T) {
	parse := codec.ParseJSON[struct{ A int }](&codec.ParseJSONLinesOptions{RejectUnknown: true})
	for _, unit := range []string{"k", `\u0001`, `\"`, `\\`, "é", `\ud83c\udf6a`} {
		for pad := range 13 {
			name := strings.Repeat("k", pad) + strings.Repeat(unit, (2<<20)/len(unit))
			_, err := parse(t.Context(), []byte(`{"A":1,"`+name+`":2}`))
			at, ok := errors.AsType[*codec.InputError](err)
			if !ok || at.Offset != int64(len(`{"A":1,`)) || at.Pointer != "" || len(err.Error()) > 4<<10 ||
				!strings.Contains(err.Error(), "unknown field") {
				t.Errorf("%q after %d: %.200v", unit, pad, err)
			}
		}
	}
}
