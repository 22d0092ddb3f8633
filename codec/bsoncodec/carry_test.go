package bsoncodec_test

import (
	"crypto/sha256"
	"testing"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Carry refuses every flow of a codec before its first element, because the output may be made of
// several elements. Only Digest passes its input on.
func TestCarryOfEveryCodec(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	parallelGzip := &codec.GzipOptions{Parallelism: 2}
	for name, flow := range map[string]stream.Flow[[]byte, []byte]{
		"Armor":             agecodec.Armor(),
		"Base64":            codec.Base64(nil),
		"Dearmor":           agecodec.Dearmor(),
		"Decrypt":           agecodec.Decrypt(identity),
		"DecryptWhole":      agecodec.DecryptWhole(identity),
		"Deflate":           codec.Deflate(nil),
		"Detect":            codec.Detect(nil),
		"Encrypt":           agecodec.Encrypt(identity.Recipient()),
		"Gunzip":            codec.Gunzip(nil),
		"Gzip":              codec.Gzip(nil),
		"Gzip, parallel":    codec.Gzip(parallelGzip),
		"Inflate":           codec.Inflate(nil),
		"LimitRatio":        codec.LimitRatio(codec.Gunzip(nil), 10, 1000),
		"Rechunk":           codec.Rechunk(3),
		"Rewrap":            agecodec.Rewrap([]age.Identity{identity}, identity.Recipient()),
		"RewrapUnverified":  agecodec.RewrapUnverified([]age.Identity{identity}, identity.Recipient()),
		"S2":                codec.S2(nil),
		"SplitDelimited":    codec.SplitDelimited([]byte(";"), nil),
		"SplitJSONObjects":  codec.SplitJSONObjects(nil),
		"SplitLengthField":  codec.SplitLengthField(nil),
		"SplitLines":        codec.SplitLines(nil),
		"Unbase64":          codec.Unbase64(nil),
		"Unhex":             codec.Unhex(),
		"UnS2":              codec.UnS2(nil),
		"Unzlib":            codec.Unzlib(nil),
		"Unzstd":            codec.Unzstd(nil),
		"Zlib":              codec.Zlib(nil),
		"Zstd":              codec.Zstd(nil),
		"several in a row":  stream.Then(codec.Hex(), codec.Gzip(nil)),
		"several, reversed": stream.Then(codec.Gzip(nil), codec.Hex()),
	} {
		refused(t, name, flow, []byte("ab"))
	}
	refused(t, "ParseBSON", bsoncodec.ParseBSON(nil), []byte("ab"))
	refused(t, "ParseCSV", codec.ParseCSV(nil), []byte("ab"))
	refused(t, "ParseCSVMaps", codec.ParseCSVMaps(nil), []byte("ab"))
	refused(t, "ParseExtJSON", bsoncodec.ParseExtJSON(nil), []byte("ab"))
	refused(t, "ParseJSONArray", codec.ParseJSONArray[int](nil), []byte("ab"))
	refused(t, "ParseJSONLines", codec.ParseJSONLines[int](nil), []byte("ab"))
	refused(t, "BSON", bsoncodec.BSON(nil), empty)
	refused(t, "ExtJSON", bsoncodec.ExtJSON(nil), empty)
	refused(t, "ExtJSON, parallel", bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Parallelism: 2}), empty)
	refused(t, "CSV", codec.CSV(nil), []string{"a"})
	refused(t, "JSONArray", codec.JSONArray[int](nil), 1)
	refused(t, "JSONLines", codec.JSONLines[int](nil), 1)

	carried(t, "Digest", codec.Digest(sha256.New, func([]byte) {}), []byte("ab"))
	refused(t, "Hex", codec.Hex(), []byte("ab"))
	refused(t, "JoinDelimited", codec.JoinDelimited([]byte(";")), []byte("ab"))
	refused(t, "JoinLengthField", codec.JoinLengthField(nil), []byte("ab"))
	refused(t, "JoinLines", codec.JoinLines(), []byte("ab"))
}

var empty = bson.Raw("\x05\x00\x00\x00\x00")

// refused fails the test if a run of flow in a Carry takes an element, or has no error.
func refused[I, O any](t *testing.T, name string, flow stream.Flow[I, O], in I) {
	t.Helper()
	for n := range 3 {
		if got, taken, err := runCarry(t, flow, in, n); err == nil || taken > 0 || len(got) > 0 {
			t.Errorf("%s of %d elements: %d in, %d out, %v", name, n, taken, len(got), err)
		}
	}
}

// carried fails the test if a run of flow in a Carry does not emit an element for each.
func carried[I, O any](t *testing.T, name string, flow stream.Flow[I, O], in I) {
	t.Helper()
	for n := range 3 {
		got, _, err := runCarry(t, flow, in, n)
		if err != nil || len(got) != n {
			t.Errorf("%s of %d elements: %d out, %v", name, n, len(got), err)
		}
		for i, e := range got {
			if e.Context != i {
				t.Errorf("%s: element %d has the context of %d", name, i, e.Context)
			}
		}
	}
}

// runCarry runs flow in a Carry over n elements. It also returns how many were taken.
func runCarry[I, O any](t *testing.T, flow stream.Flow[I, O], in I, n int) (got []stream.Envelope[O, int], taken int,
	err error,
) {
	type element = stream.Envelope[I, int]
	src := stream.Via2(source.Range(0, n, 1),
		stream.Map(func(i int) element { taken++; return element{Value: in, Context: i} }),
		stream.Carry[int](flow))
	got, err = stream.Run(t.Context(), src, sink.Slice[stream.Envelope[O, int]]())
	return got, taken, err
}
