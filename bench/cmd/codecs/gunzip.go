package main

import (
	"bytes"
	stdgzip "compress/gzip"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
)

// gunzips decompresses one member that compress/gzip wrote.
func gunzips(in *input, _ pekko.Peer) ([]report.Case, error) {
	var packed bytes.Buffer
	if err := writerOutput(chunks(in.text), stdgzip.NewWriter(nil))(&packed); err != nil {
		return nil, err
	}
	b := caseBuilder{right: equals(in.text), Case: report.Case{
		Name: "gunzip", About: "gzip → JSON lines",
		Unit: "byte", Units: len(in.text), Want: int64(len(in.text)),
	}}
	b.Ours = b.peer("millweir codec.Gunzip", report.Bar{}, flow(chunks(packed.Bytes()), codec.Gunzip(nil)))
	b.Peers = []report.Peer{
		b.peer("compress/gzip", report.Bar{}, readerOutput(packed.Bytes(), new(stdgzip.Reader))),
		b.peer("klauspost/compress/gzip", report.Bar{}, readerOutput(packed.Bytes(), new(gzip.Reader))),
	}
	return []report.Case{b.Case}, b.err
}

// readerOutput reads packed through a reader like those of compress. It makes the reader once, and
// resets it for every run.
func readerOutput[R interface {
	io.Reader
	Reset(io.Reader) error
}](packed []byte, z R) codecRun {
	buf := make([]byte, chunkBytes)
	return func(w io.Writer) error {
		err := z.Reset(bytes.NewReader(packed))
		if err == nil {
			_, err = io.CopyBuffer(w, struct{ io.Reader }{z}, buf)
		}
		return err
	}
}
