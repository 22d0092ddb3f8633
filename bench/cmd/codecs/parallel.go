package main

import (
	"bytes"
	stdgzip "compress/gzip"
	"io"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// cores is the number of goroutines of the parallel cases.
var cores = runtime.GOMAXPROCS(0)

type bytesFlow = stream.Flow[[]byte, []byte]

// parallelGzips compares our gzip and gunzip with one goroutine per core to the same without
// goroutines.
func parallelGzips(in *input, _ pekko.Peer) ([]report.Case, error) {
	all, err := parallels(in, "gzip", openGzip, report.Bar{Least: 1 / 1.1},
		report.Bar{Least: 0.85 * float64(min(cores, 2))},
		func(n int) bytesFlow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
		func(n int) bytesFlow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) })
	if err != nil {
		return nil, err
	}
	// The same members, by decoders that know only one goroutine for them.
	var packed bytes.Buffer
	if err := flow(chunks(in.text), codec.Gzip(&codec.GzipOptions{Parallelism: cores}))(&packed); err != nil {
		return nil, err
	}
	b := caseBuilder{right: equals(in.text), Case: all[len(all)-1]}
	wall := &all[len(all)-1]
	for _, p := range []report.Peer{
		b.peer("compress/gzip", report.Bar{}, readerOutput(packed.Bytes(), new(stdgzip.Reader))),
		b.peer("klauspost/compress/gzip", report.Bar{}, readerOutput(packed.Bytes(), new(gzip.Reader))),
	} {
		wall.Peers = append(wall.Peers, report.Peer{Name: p.Name, Run: p.Run})
	}
	return all, b.err
}

// parallelZstds is parallelGzips for zstd.
func parallelZstds(in *input, _ pekko.Peer) ([]report.Case, error) {
	return parallels(in, "zstd", openZstd, report.Bar{}, report.Bar{},
		func(n int) bytesFlow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
		func(n int) bytesFlow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}) })
}

func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
}

// parallels returns the cases of both directions of a format, each by CPU time and by wall time.
func parallels(
	in *input, name string, open func(io.Reader) (io.Reader, error), cpu, wall report.Bar,
	pack, unpack func(int) bytesFlow,
) ([]report.Case, error) {
	text := in.text // compressed as members or frames of 1 MiB each
	var packed bytes.Buffer
	if err := flow(chunks(text), pack(cores))(&packed); err != nil {
		return nil, err
	}
	encoder := caseBuilder{right: decodesTo(text, open), Case: report.Case{
		Name: name + "-parallel", About: "JSON lines → " + name + ", by as many goroutines as cores",
	}}
	decoder := caseBuilder{right: equals(text), Case: report.Case{
		Name: "un" + name + "-parallel", About: name + " → JSON lines, by as many goroutines as cores",
	}}
	var all []report.Case
	for _, way := range []struct {
		*caseBuilder
		cpu, wall report.Bar
		in        [][]byte
		f         func(int) bytesFlow
	}{
		{&encoder, cpu, wall, chunks(text), pack},
		{&decoder, report.Bar{}, report.Bar{}, chunks(packed.Bytes()), unpack},
	} {
		b := way.caseBuilder
		b.Unit, b.Units, b.Want = "byte", len(text), int64(len(text))
		b.Ours = b.peer("millweir, parallel", report.Bar{}, flow(way.in, way.f(cores)))
		b.Peers = []report.Peer{b.peer("millweir, without goroutines", way.cpu, flow(way.in, way.f(0)))}
		passing := b.Case
		passing.Name, passing.About, passing.By = b.Name+"-wall", b.About+", as time passes", report.Wall
		passing.Peers = []report.Peer{{Name: b.Peers[0].Name, Run: b.Peers[0].Run, Bar: way.wall}}
		if b.err != nil {
			return nil, b.err
		}
		all = append(all, b.Case, passing)
	}
	return all, nil
}
