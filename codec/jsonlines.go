package codec

import (
	"context"
	"encoding/json"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// JSONLinesOptions tunes [JSONLines] and [JSONArray]. The zero value is ready to use.
type JSONLinesOptions struct {
	EscapeHTML bool // write <, > and & as \u003c, \u003e and \u0026, as encoding/json does by default
}

// JSONLines returns a flow that writes every element as one line of JSON (https://jsonlines.org),
// by encoding/json. Its mirror is [ParseJSONLines].
//
//   - In: elements of any type. A nil pointer, map, slice or interface becomes null, which the
//     mirror refuses without AllowNull. Bytes of a string that are not UTF-8 become U+FFFD, as in
//     encoding/json; use []byte, which becomes base64, to keep them. The result of a MarshalJSON is
//     written byte for byte.
//   - Out: chunks of whole lines, of at most 64 KiB or of one longer line. Ownership is as in
//     [Base64].
//   - Memory: one chunk, or the longest line if it is longer, and the encoder's.
//   - Errors: an [*InputError] with the number of the element and the error of encoding/json.
func JSONLines[T any](opts *JSONLinesOptions) stream.Flow[T, []byte] {
	return jsonFlow[T]("codec: json lines", opts, jsonFrame{lines: true})
}

// jsonFrame is the text around the elements.
type jsonFrame struct {
	first, between, last, empty string
	lines                       bool // keep the newline that the encoder writes after an element
}

// jsonFlow returns the flow of JSONLines or JSONArray.
func jsonFlow[T any](name string, opts *JSONLinesOptions, f jsonFrame) stream.Flow[T, []byte] {
	o := valueOf(opts)
	return lend.Flow(func(ctx context.Context, src stream.Source[T], emit func([]byte) error, lent bool) error {
		w := jsonWriter{memory: memory{lent: lent}, emit: emit, frame: f}
		enc := json.NewEncoder(&w)
		enc.SetEscapeHTML(o.EscapeHTML)
		err := guarded.Each(ctx, src, func(v T) error {
			if err := w.begin(); err != nil {
				return err
			}
			if err := enc.Encode(v); err != nil {
				if w.err == nil {
					w.err = wrap(name, &InputError{Record: w.elements, Offset: w.offset, Err: err})
				}
				return w.err
			}
			w.end()
			return nil
		})
		if err == nil {
			err = w.finish()
		}
		return err
	})
}

// jsonWriter is the current chunk of one run. The encoder writes into it without another buffer.
type jsonWriter struct {
	memory
	emit     func([]byte) error
	frame    jsonFrame
	buf      []byte
	whole    int   // bytes of buf that belong to whole records
	elements int64 // number begun
	offset   int64 // output offset of the end of these records
	err      error // of emit, or the run's
}

// begin writes the text before an element.
func (w *jsonWriter) begin() error {
	before := w.frame.between
	if w.elements == 0 {
		before = w.frame.first
	}
	w.elements++
	if before == "" {
		return nil
	}
	return w.text(before)
}

// end completes an element after the encoder has written it.
func (w *jsonWriter) end() {
	if n := len(w.buf); !w.frame.lines && n > 0 && w.buf[n-1] == '\n' {
		w.buf = w.buf[:n-1]
	}
	w.offset += int64(len(w.buf) - w.whole)
	w.whole = len(w.buf)
}

// finish writes the text after the last element and emits the last chunk.
func (w *jsonWriter) finish() error {
	last := w.frame.last
	if w.elements == 0 {
		last = w.frame.empty
	}
	if err := w.text(last); err != nil || len(w.buf) == 0 {
		return err
	}
	return w.emit(w.buf)
}

func (w *jsonWriter) text(s string) error {
	if len(s) > cap(w.buf)-len(w.buf) {
		if err := w.grow(len(s)); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, s...)
	return nil
}

// Write implements [io.Writer] for the encoder.
func (w *jsonWriter) Write(p []byte) (int, error) {
	if len(p) > cap(w.buf)-len(w.buf) {
		if err := w.grow(len(p)); err != nil {
			return 0, err
		}
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// grow makes room for n more bytes. It emits the whole records, and moves the beginning of the next
// record into a new chunk.
func (w *jsonWriter) grow(n int) error {
	whole, begun := w.buf[:w.whole:w.whole], w.buf[w.whole:]
	if len(whole) > 0 {
		if w.err = w.emit(whole); w.err != nil {
			return w.err
		}
	}
	next := w.get(max(chunkSize, len(begun)+n))
	w.buf, w.whole = next[:copy(next, begun)], 0
	return nil
}
