package agecodec_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestFormat(t *testing.T) {
	key := newKey(t)
	to, with := []age.Recipient{key.Recipient()}, []age.Identity{key}
	p := codec.GzipFormat(nil, nil).Then(agecodec.Format(to, with))
	to[0], with[0] = nil, nil // Format keeps copies of the slices
	if p.Suffix() != ".gz.age" {
		t.Error(p.Suffix())
	}
	file := must(t)(through(p.Encode(), noise(1000), 0))
	if got := must(t)(through(p.Decode(), file, 0)); !bytes.Equal(got, noise(1000)) {
		t.Error("not the same")
	}
	if _, err := through(agecodec.Format(nil, with).Encode(), nil, 0); !errors.Is(err, agecodec.ErrNoRecipients) {
		t.Error(err)
	}
	if _, err := through(agecodec.Format(to, nil).Decode(), nil, 0); !errors.Is(err, agecodec.ErrNoIdentities) {
		t.Error(err)
	}
}

func ExampleFormat() {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	format := codec.GzipFormat(nil, nil).Then(agecodec.Format([]age.Recipient{key.Recipient()}, []age.Identity{key}))
	file := stream.Via(source.Of([]byte("through the mill")), format.Encode())
	plain, err := stream.Run(ctx, stream.Via(file, format.Decode()), sink.Slice[[]byte]())
	fmt.Printf("cookies%s %s %v\n", format.Suffix(), plain, err)
	// Output: cookies.gz.age [through the mill] <nil>
}
