package codec

import "github.com/millweir/millweir/stream"

// JSONArray returns a flow that writes its elements as one JSON array, an element a line, by encoding/json. Its mirror is [ParseJSONArray].
//
//   - Out: chunks of 64 KiB or a little more. No element makes an empty array.
//   - Memory: one chunk, or the longest element if that is more.
//   - Order and goroutines: fused.
//   - Errors: an [*InputError] with the element's number and what encoding/json says.
func JSONArray[T any](opts *JSONLinesOptions) stream.Flow[T, []byte] {
	return jsonWriting[T]("codec: json array", opts, jsonFrame{first: "[\n", between: ",\n", last: "\n]\n", empty: "[]\n"})
}
