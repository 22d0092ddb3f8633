package agecodec_test

import (
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// stream.Carry refuses encryption: bytes that come out belong to chunks that are still partly inside.
func TestCarryRefusesEncryption(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	type chunk = stream.Envelope[[]byte, int]
	for name, flow := range map[string]stream.Flow[[]byte, []byte]{
		"Encrypt": agecodec.Encrypt(identity.Recipient()),
		"Decrypt": agecodec.Decrypt(identity),
	} {
		taken := 0
		src := stream.Via2(source.Of(chunk{Value: []byte("a")}, chunk{Value: []byte("b"), Context: 1}),
			stream.Map(func(c chunk) chunk { taken++; return c }), stream.Carry[int](flow))
		if got, err := stream.Run(t.Context(), src, sink.Slice[chunk]()); err == nil || taken > 0 {
			t.Errorf("%s: %d elements out, %d in, %v", name, len(got), taken, err)
		}
	}
}
