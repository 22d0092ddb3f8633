package codec

import (
	"context"
	"sync"

	"github.com/millweir/millweir/stream"
)

// ParseJSON returns a function that parses one JSON text as one element, by the rules and options
// of [ParseJSONLines]. It is for stream.Supervise, which continues after a malformed text, and for
// parallel maps:
//
//	stream.Via2(body, codec.SplitLines(nil),
//		stream.Supervise(4, codec.ParseJSON[Cookie](nil), dead, nil))
//
// Several goroutines may call the function at once. It keeps no part of the text. Its errors are an
// [*InputError] with the offset in the text. MaxLength limits the text; SkipBlank has no effect.
func ParseJSON[T any](opts *ParseJSONLinesOptions) func(context.Context, []byte) (T, error) {
	const name = "codec: parse json"
	o := valueOf(opts)
	most := o.MaxLength
	if most == 0 {
		most = defaultMaxLength
	}
	rules := jsonRules{allowNull: o.AllowNull, rejectUnknown: o.RejectUnknown, allowInvalidUTF8: o.AllowInvalidUTF8}
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
			return v, err // the parser must not be used again
		}
		parsers.Put(p)
		return v, nil
	}
}
