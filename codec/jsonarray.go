package codec

import "github.com/millweir/millweir/stream"

// JSONArray returns a flow that writes its elements as one JSON array, an element a line, by encoding/json. Its mirror is [ParseJSONArray].
//
//   - In: as that of [JSONLines].
//   - Out: chunks of at most 64 KiB, or of one longer element. No element makes an empty array. Ownership: as that of [Base64].
//   - Memory: one chunk, or the longest element if that is more, and the encoder's.
//   - Order and goroutines: fused.
//   - Errors: an [*InputError] with the element's number and what encoding/json says.
func JSONArray[T any](opts *JSONLinesOptions) stream.Flow[T, []byte] {
	return jsonWriting[T]("codec: json array", opts, jsonFrame{first: "[\n", between: ",\n", last: "\n]\n", empty: "[]\n"})
}
