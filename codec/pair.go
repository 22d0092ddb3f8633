package codec

import (
	"errors"

	"github.com/millweir/millweir/stream"
)

// Pair is a way to encode elements as bytes together with the way back, so that a restore cannot decode in another order than the
// backup encoded. A pair of byte streams is a Pair[[]byte].
//
//	format := codec.JSONLinesPair[Cookie](nil, nil).Then(codec.GzipPair(nil, nil)).Then(agecodec.Pair(recipients, identities))
//	key := "cookies" + format.Suffix() // cookies.jsonl.gz.age
//	body := stream.Via(cookies, format.Encode())
type Pair[I any] struct {
	encode stream.Flow[I, []byte]
	decode stream.Flow[[]byte, I]
	suffix string
}

// PairOf returns the pair of a flow and its mirror. The suffix is what it adds to a file's name, with its dot: ".gz".
func PairOf[I any](encode stream.Flow[I, []byte], decode stream.Flow[[]byte, I], suffix string) Pair[I] {
	return Pair[I]{encode, decode, suffix}
}

// Then returns the pair that encodes with p and then with q, and decodes the other way round.
func (p Pair[I]) Then(q Pair[[]byte]) Pair[I] {
	return Pair[I]{stream.Join(p.Encode(), q.Encode()), stream.Join(q.Decode(), p.Decode()), p.suffix + q.suffix}
}

// Encode returns the flow from elements to bytes.
func (p Pair[I]) Encode() stream.Flow[I, []byte] {
	if p.encode == nil {
		return failing[I, []byte](wrap("codec: pair", errNoPair))
	}
	return p.encode
}

// Decode returns the flow from bytes to elements.
func (p Pair[I]) Decode() stream.Flow[[]byte, I] {
	if p.decode == nil {
		return failing[[]byte, I](wrap("codec: pair", errNoPair))
	}
	return p.decode
}

// Suffix returns what the pair adds to a file's name, as in ".jsonl.gz.age".
func (p Pair[I]) Suffix() string { return p.suffix }

var errNoPair = errors.New("the pair has no such flow")

// GzipPair returns [Gzip] and [Gunzip] as one value, with the suffix ".gz".
func GzipPair(pack *GzipOptions, unpack *GunzipOptions) Pair[[]byte] {
	return PairOf(Gzip(pack), Gunzip(unpack), ".gz")
}

// ZstdPair returns [Zstd] and [Unzstd] as one value, with the suffix ".zst".
func ZstdPair(pack *ZstdOptions, unpack *UnzstdOptions) Pair[[]byte] {
	return PairOf(Zstd(pack), Unzstd(unpack), ".zst")
}

// S2Pair returns [S2] and [UnS2] as one value, with the suffix ".s2", or ".sz" for the Snappy framing format.
func S2Pair(pack *S2Options, unpack *UnS2Options) Pair[[]byte] {
	suffix := ".s2"
	if pack != nil && pack.Snappy {
		suffix = ".sz"
	}
	return PairOf(S2(pack), UnS2(unpack), suffix)
}

// JSONLinesPair returns [JSONLines] and [ParseJSONLines] as one value, with the suffix ".jsonl".
func JSONLinesPair[T any](write *JSONLinesOptions, parse *ParseJSONLinesOptions) Pair[T] {
	return PairOf(JSONLines[T](write), ParseJSONLines[T](parse), ".jsonl")
}

// JSONArrayPair returns [JSONArray] and [ParseJSONArray] as one value, with the suffix ".json".
func JSONArrayPair[T any](write *JSONLinesOptions, parse *ParseJSONArrayOptions) Pair[T] {
	return PairOf(JSONArray[T](write), ParseJSONArray[T](parse), ".json")
}

// ZlibPair returns [Zlib] and [Unzlib] as one value, with the suffix ".zz".
func ZlibPair(pack *DeflateOptions, unpack *InflateOptions) Pair[[]byte] {
	return PairOf(Zlib(pack), Unzlib(unpack), ".zz")
}

// Base64Pair returns [Base64] and [Unbase64] as one value, with the suffix ".b64".
func Base64Pair(opts *Base64Options) Pair[[]byte] {
	return PairOf(Base64(opts), Unbase64(opts), ".b64")
}
