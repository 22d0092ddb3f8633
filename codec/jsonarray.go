package codec

import "github.com/millweir/millweir/stream"

// JSONArray returns a flow that writes its elements as one JSON array, one element per line, by
// encoding/json. Its mirror is [ParseJSONArray].
//
//   - In: as in [JSONLines].
//   - Out: chunks of at most 64 KiB, or of one longer element. An empty input becomes an empty
//     array. Ownership is as in [Base64].
//   - Memory: one chunk, or the longest element if it is longer, and the encoder's.
//   - Errors: an [*InputError] with the number of the element and the error of encoding/json.
func JSONArray[T any](opts *JSONLinesOptions) stream.Flow[T, []byte] {
	return jsonFlow[T]("codec: json array", opts, jsonFrame{first: "[\n", between: ",\n", last: "\n]\n", empty: "[]\n"})
}
