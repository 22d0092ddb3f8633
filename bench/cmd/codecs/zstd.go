package main

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
)

// zstds compresses text as zstd. Both sides use klauspost's codec, so ours must not cost more.
func zstds(in *input, _ pekko.Peer) ([]report.Case, error) {
	cs := chunks(in.text)
	b := caseBuilder{right: decodesTo(in.text, openZstd), Case: report.Case{
		Name: "zstd", About: "JSON lines → zstd, default level",
		Unit: "byte", Units: len(in.text), Want: int64(len(in.text)),
	}}
	one, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	many, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	b.Ours = b.peer("millweir codec.Zstd", report.Bar{}, flow(cs, codec.Zstd(nil)))
	b.Peers = []report.Peer{
		b.peer("klauspost/compress/zstd, one goroutine", report.Bar{}, writerOutput(cs, one)),
		b.peer("klauspost/compress/zstd, as it comes", report.Bar{}, writerOutput(cs, many)),
	}
	return []report.Case{b.Case}, b.err
}

// unzstds decompresses one frame.
func unzstds(in *input, _ pekko.Peer) ([]report.Case, error) {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	if err := writerOutput(chunks(in.text), w)(&packed); err != nil {
		return nil, err
	}
	b := caseBuilder{right: equals(in.text), Case: report.Case{
		Name: "unzstd", About: "zstd → JSON lines",
		Unit: "byte", Units: len(in.text), Want: int64(len(in.text)),
	}}
	one, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	many, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	b.Ours = b.peer("millweir codec.Unzstd", report.Bar{}, flow(chunks(packed.Bytes()), codec.Unzstd(nil)))
	b.Peers = []report.Peer{
		b.peer("klauspost/compress/zstd, one goroutine", report.Bar{}, readerOutput(packed.Bytes(), one)),
		b.peer("klauspost/compress/zstd, as it comes", report.Bar{}, readerOutput(packed.Bytes(), many)),
		b.peer("klauspost/compress/zstd, one goroutine, a new decoder each time", report.Bar{},
			func(w io.Writer) error {
				z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
				if err != nil {
					return err
				}
				defer z.Close()
				return readerOutput(packed.Bytes(), z)(w)
			}),
	}
	return []report.Case{b.Case}, b.err
}
