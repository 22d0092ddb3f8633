package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
)

// texts writes bytes as text and reads them back. Both sides use the coders of the standard
// library.
func texts(in *input, _ pekko.Peer) ([]report.Case, error) {
	encoded, digits := []byte(base64.StdEncoding.EncodeToString(in.bson)), []byte(hex.EncodeToString(in.bson))
	var all []report.Case
	for _, t := range []struct {
		name, about, ours, peer string
		in, want                []byte
		f                       bytesFlow
		theirs                  codecRun
	}{
		{
			"base64", "bytes → base64", "Base64", "base64.NewEncoder", in.bson, encoded, codec.Base64(nil),
			func(w io.Writer) error {
				z := base64.NewEncoder(base64.StdEncoding, w)
				if err := writeAll(z, in.bson); err != nil {
					return err
				}
				return z.Close()
			},
		},
		{
			"unbase64", "base64 → bytes", "Unbase64", "base64.NewDecoder", encoded, in.bson, codec.Unbase64(nil),
			readerRun(encoded, func(r io.Reader) io.Reader {
				return base64.NewDecoder(base64.StdEncoding, r)
			}),
		},
		{"hex", "bytes → hexadecimal", "Hex", "hex.NewEncoder", in.bson, digits, codec.Hex(), func(w io.Writer) error {
			return writeAll(hex.NewEncoder(w), in.bson)
		}},
		{
			"unhex", "hexadecimal → bytes", "Unhex", "hex.NewDecoder", digits, in.bson, codec.Unhex(),
			readerRun(digits, hex.NewDecoder),
		},
	} {
		b := caseBuilder{right: equals(t.want), Case: report.Case{
			Name: t.name, About: t.about,
			Unit: "byte", Units: len(in.bson), Want: int64(len(in.bson)),
		}}
		b.Ours = b.peer("millweir codec."+t.ours, report.Bar{}, flow(chunks(t.in), t.f))
		b.Peers = []report.Peer{b.peer(t.peer, report.Bar{}, t.theirs)}
		if b.err != nil {
			return nil, b.err
		}
		all = append(all, b.Case)
	}
	return all, nil
}

// readerRun reads in through a reader that open returns.
func readerRun(in []byte, open func(io.Reader) io.Reader) codecRun {
	buf := make([]byte, chunkBytes)
	return func(w io.Writer) error {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{open(bytes.NewReader(in))}, buf)
		return err
	}
}

// writeAll writes p in chunks.
func writeAll(w io.Writer, p []byte) error {
	for _, c := range chunks(p) {
		if _, err := w.Write(c); err != nil {
			return err
		}
	}
	return nil
}
