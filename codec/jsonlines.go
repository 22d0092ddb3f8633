package codec

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/millweir/millweir/stream"
)

// JSONLinesOptions tunes [JSONLines] and [JSONArray]. The zero value is ready to use.
type JSONLinesOptions struct {
	EscapeHTML bool // write <, > and & as \u003c and so on, as encoding/json does by default
}

// JSONLines returns a flow that writes every element as JSON on a line of its own (https://jsonlines.org), by encoding/json. Its
// mirror is [ParseJSONLines].
//
//   - Out: chunks of whole lines, of 64 KiB or a little more.
//   - Memory: one chunk, or the longest line if that is more.
//   - Order and goroutines: fused.
//   - Errors: an [*InputError] with the element's number and what encoding/json says.
func JSONLines[T any](opts *JSONLinesOptions) stream.Flow[T, []byte] {
	return jsonWriting[T]("codec: json lines", opts, jsonFrame{after: "\n"})
}

// jsonFrame is what stands around elements.
type jsonFrame struct{ first, between, after, last, empty string }

// jsonWriting is JSONLines and JSONArray.
func jsonWriting[T any](name string, opts *JSONLinesOptions, f jsonFrame) stream.Flow[T, []byte] {
	var o JSONLinesOptions
	if opts != nil {
		o = *opts
	}
	return stream.FlowFunc[T, []byte](func(src stream.Source[T]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			g := gatherer{emit: emit}
			var one bytes.Buffer
			enc := json.NewEncoder(&one)
			enc.SetEscapeHTML(o.EscapeHTML)
			var elements, offset int64
			put := func(s string, p []byte, t string) error {
				n := len(s) + len(p) + len(t)
				offset += int64(n)
				if err := g.room(n); err != nil {
					return err
				}
				g.buf = append(append(append(g.buf, s...), p...), t...)
				return nil
			}
			err := guard(ctx, src, func(v T) error {
				one.Reset()
				if err := enc.Encode(v); err != nil {
					return wrap(name, &InputError{Record: elements + 1, Offset: offset, Err: err})
				}
				before := f.between
				if elements == 0 {
					before = f.first
				}
				elements++
				return put(before, bytes.TrimSuffix(one.Bytes(), []byte("\n")), f.after)
			})
			if err == nil && elements == 0 {
				err = put(f.empty, nil, "")
			} else if err == nil {
				err = put(f.last, nil, "")
			}
			if err == nil {
				err = g.flush()
			}
			return err
		})
	})
}
