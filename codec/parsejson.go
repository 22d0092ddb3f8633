package codec

import (
	"context"
	"sync"

	"github.com/millweir/millweir/stream"
)

// ParseJSON returns a function that reads one element from one JSON text, by the rules of [ParseJSONLines] and its options. It is for
// stream.Supervise, which goes on after a text that is malformed, and for parallel maps:
//
//	stream.Via2(body, codec.SplitLines(nil), stream.Supervise(4, codec.ParseJSON[Cookie](nil), dead, nil))
//
// The function may be called at once by several goroutines, and keeps no part of the text. Its error is an [*InputError] whose
// Offset is that in the text. MaxLength bounds the text; SkipBlank has no meaning.
func ParseJSON[T any](opts *ParseJSONLinesOptions) func(context.Context, []byte) (T, error) {
	const name = "codec: parse json"
	var o ParseJSONLinesOptions
	if opts != nil {
		o = *opts
	}
	most := o.MaxLength
	if most == 0 {
		most = defaultMaxLength
	}
	rules := jsonRules{null: o.AllowNull, known: o.RejectUnknown, invalid: o.AllowInvalidUTF8}
	parsers := sync.Pool{New: func() any { return newJSONParser(name, rules) }}
	return func(_ context.Context, text []byte) (v T, err error) {
		if most < 0 {
			return v, stream.Mark(wrap(name, errNegative), stream.Fatal)
		}
		if len(text) > most {
			return v, wrap(name, &InputError{Err: ErrTooLong})
		}
		p := parsers.Get().(*jsonParser)
		if err := p.parse(text, &v, 0, 0); err != nil {
			return v, err // the parser is of no more use
		}
		parsers.Put(p)
		return v, nil
	}
}
