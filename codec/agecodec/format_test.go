package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestOtherFormats passes files of other formats to the stages, and age files with a damaged first
// line.
func TestOtherFormats(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	encrypted := func(armored bool) []byte {
		f := agecodec.Encrypt(id.Recipient())
		if armored {
			f = stream.Then(f, agecodec.Armor())
		}
		var b bytes.Buffer
		if _, err := stream.Run(context.Background(), stream.Via(source.Of([]byte("hello")), f),
			sink.Writer(&b)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	damaged := func(file []byte, i int) string {
		file[i] ^= 1
		return string(file)
	}
	inspect := func(src stream.Source[[]byte]) error {
		_, err := stream.Run(context.Background(), src, agecodec.Inspect())
		return err
	}
	by := func(f stream.Flow[[]byte, []byte]) func(stream.Source[[]byte]) error {
		return func(src stream.Source[[]byte]) error {
			_, err := stream.Run(context.Background(), stream.Via(src, f), sink.Discard[[]byte]())
			return err
		}
	}
	for name, run := range map[string]func(stream.Source[[]byte]) error{
		"decrypt": by(agecodec.Decrypt(id)),
		"rewrap":  by(agecodec.Rewrap([]age.Identity{id}, id.Recipient())),
		"inspect": inspect,
		"dearmor": by(agecodec.Dearmor()),
	} {
		for _, c := range []struct {
			file string
			got  codec.FileType // "" for a damaged age file
		}{
			{"", codec.TypeEmpty},
			{"hello\n", codec.TypeText},
			{"\n \n hello\n", codec.TypeText},
			{"{\"a\":1}\n", codec.TypeJSON},
			{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", codec.TypeGzip},
			{"\x28\xb5\x2f\xfd\x24", codec.TypeZstd},
			{"<?xml version=\"1.0\"?><Error/>\n", codec.TypeXML},
			{"<html>\n", codec.TypeHTML},
			{damaged(encrypted(false), 2), ""},
			{damaged(encrypted(true), 12), ""},
			{"age-encryption.org/v2\n", ""},
		} {
			err := run(source.Of([]byte(c.file)))
			var other *codec.FormatError
			switch {
			case !errors.Is(err, agecodec.ErrDamaged) && !errors.Is(err, agecodec.ErrTruncated):
				t.Errorf("%s of %.20q: %v", name, c.file, err)
			case (c.got != "") != errors.As(err, &other), c.got != "" && other.Got != c.got:
				t.Errorf("%s of %.20q: %v", name, c.file, err)
			}
		}
	}
}
