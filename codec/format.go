package codec

import (
	"errors"

	"github.com/millweir/millweir/stream"
)

// Format is a way to encode elements as bytes, and the way back. With one value for both, a restore
// cannot decode in another order than the backup encoded. A format of byte streams is a
// Format[[]byte].
//
//	format := codec.JSONLinesFormat[Cookie](nil, nil).
//		Then(codec.GzipFormat(nil, nil)).
//		Then(agecodec.Format(recipients, identities))
//	key := "cookies" + format.Suffix() // cookies.jsonl.gz.age
//	body := stream.Via(cookies, format.Encode())
type Format[I any] struct {
	encode stream.Flow[I, []byte]
	decode stream.Flow[[]byte, I]
	suffix string
}

// FormatOf returns the format of a flow and its mirror. The suffix is added to file names. It
// includes the dot: ".gz".
func FormatOf[I any](encode stream.Flow[I, []byte], decode stream.Flow[[]byte, I], suffix string) Format[I] {
	return Format[I]{encode, decode, suffix}
}

// Then returns the format that encodes with p and then with q, and decodes in the opposite order.
func (p Format[I]) Then(q Format[[]byte]) Format[I] {
	return Format[I]{stream.Then(p.Encode(), q.Encode()), stream.Then(q.Decode(), p.Decode()), p.suffix + q.suffix}
}

// Encode returns the flow from elements to bytes.
func (p Format[I]) Encode() stream.Flow[I, []byte] {
	if p.encode == nil {
		return failing[I, []byte](wrap("codec: format", errNoFlow))
	}
	return p.encode
}

// Decode returns the flow from bytes to elements.
func (p Format[I]) Decode() stream.Flow[[]byte, I] {
	if p.decode == nil {
		return failing[[]byte, I](wrap("codec: format", errNoFlow))
	}
	return p.decode
}

// Suffix returns the suffix that the format adds to a file name, such as ".jsonl.gz.age".
func (p Format[I]) Suffix() string { return p.suffix }

var errNoFlow = errors.New("the format has no such flow")

// GzipFormat returns [Gzip] and [Gunzip] as one value, with the suffix ".gz".
func GzipFormat(pack *GzipOptions, unpack *GunzipOptions) Format[[]byte] {
	return FormatOf(Gzip(pack), Gunzip(unpack), ".gz")
}

// ZstdFormat returns [Zstd] and [Unzstd] as one value, with the suffix ".zst".
func ZstdFormat(pack *ZstdOptions, unpack *UnzstdOptions) Format[[]byte] {
	return FormatOf(Zstd(pack), Unzstd(unpack), ".zst")
}

// S2Format returns [S2] and [UnS2] as one value, with the suffix ".s2", or ".sz" for the Snappy
// framing format.
func S2Format(pack *S2Options, unpack *UnS2Options) Format[[]byte] {
	suffix := ".s2"
	if pack != nil && pack.Snappy {
		suffix = ".sz"
	}
	return FormatOf(S2(pack), UnS2(unpack), suffix)
}

// JSONLinesFormat returns [JSONLines] and [ParseJSONLines] as one value, with the suffix ".jsonl".
func JSONLinesFormat[T any](write *JSONLinesOptions, parse *ParseJSONLinesOptions) Format[T] {
	return FormatOf(JSONLines[T](write), ParseJSONLines[T](parse), ".jsonl")
}

// JSONArrayFormat returns [JSONArray] and [ParseJSONArray] as one value, with the suffix ".json".
func JSONArrayFormat[T any](write *JSONLinesOptions, parse *ParseJSONArrayOptions) Format[T] {
	return FormatOf(JSONArray[T](write), ParseJSONArray[T](parse), ".json")
}

// CSVFormat returns [CSV] and [ParseCSV] as one value, with the suffix ".csv".
func CSVFormat(write *CSVOptions, parse *ParseCSVOptions) Format[[]string] {
	return FormatOf(CSV(write), ParseCSV(parse), ".csv")
}

// ZlibFormat returns [Zlib] and [Unzlib] as one value, with the suffix ".zz".
func ZlibFormat(pack *DeflateOptions, unpack *InflateOptions) Format[[]byte] {
	return FormatOf(Zlib(pack), Unzlib(unpack), ".zz")
}

// Base64Format returns [Base64] and [Unbase64] as one value, with the suffix ".b64".
func Base64Format(opts *Base64Options) Format[[]byte] {
	return FormatOf(Base64(opts), Unbase64(opts), ".b64")
}
