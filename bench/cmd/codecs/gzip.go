package main

import (
	stdgzip "compress/gzip"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/rusage"
)

// gzips compresses text as gzip at the default level and at the fast level. A third case compares
// the stored bytes of the default level.
func gzips(in *input, java pekko.Peer) ([]report.Case, error) {
	cs := chunks(in.text)
	b := caseBuilder{right: decodesTo(in.text, openGzip), Case: report.Case{
		Name: "gzip", About: "JSON lines → gzip, default level",
		Unit: "byte", Units: len(in.text), Want: int64(len(in.text)),
	}}
	std := writerOutput(cs, stdgzip.NewWriter(nil))
	ours, ourSize := b.peerOfSize("millweir codec.Gzip", report.Bar{}, flow(cs, codec.Gzip(nil)))
	theirs, theirSize := b.peerOfSize("compress/gzip", report.Bar{Least: 3.3}, std)
	b.Ours, b.Peers = ours, []report.Peer{
		theirs,
		b.peer("klauspost/compress/gzip, level 5", report.Bar{}, writerOutput(cs, level(5))),
	}
	standard := java.Join(b.Case, pekko.Job{
		Name: "gzip", Label: "Pekko Compression.gzip", Arg: -1, Bar: report.Bar{Least: 4},
	})
	standard = java.Join(standard, pekko.Job{Name: "gzip", Label: "Pekko Compression.gzip, level 6", Arg: 6})

	stored := b.Case
	stored.Name, stored.About, stored.By = "gzip-size", "JSON lines → gzip, default level, the bytes that come out",
		report.Stored
	stored.Ours = storedBytes(ours, len(in.text), ourSize)
	stored.Peers = []report.Peer{storedBytes(theirs, len(in.text), theirSize)}
	stored.Peers[0].Bar = report.Bar{Least: 1 / 1.03}
	stored.Cold, stored.Rounds = true, 1 // the same in every round

	fast := caseBuilder{right: b.right, err: b.err, Case: b.Case}
	fast.Name, fast.About = "gzip-fast", "JSON lines → gzip, level 1"
	fast.Ours = fast.peer("millweir codec.Gzip, level 1", report.Bar{},
		flow(cs, codec.Gzip(&codec.GzipOptions{Level: 1})))
	stdFast, err := stdgzip.NewWriterLevel(nil, 1)
	if err != nil {
		return nil, err
	}
	fast.Peers = []report.Peer{
		fast.peer("compress/gzip, default level", report.Bar{Least: 6}, std),
		fast.peer("compress/gzip, level 1", report.Bar{}, writerOutput(cs, stdFast)),
		fast.peer("klauspost/compress/gzip, level 1", report.Bar{}, writerOutput(cs, level(1))),
	}
	return []report.Case{standard, stored, fast.Case}, fast.err
}

func openGzip(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) }

// level returns klauspost's writer with the level n, which must be valid.
func level(n int) *gzip.Writer {
	w, err := gzip.NewWriterLevel(nil, n)
	if err != nil {
		panic(err)
	}
	return w
}

// storedBytes returns p with the number of bytes that a run stores.
func storedBytes(p report.Peer, units int, stored int64) report.Peer {
	return report.Peer{Name: p.Name, Work: func(reps int) (s report.Sample, err error) {
		before, err := rusage.CPU()
		if err != nil {
			return s, err
		}
		began := time.Now()
		for range reps {
			if _, err := p.Run(); err != nil {
				return s, err
			}
		}
		s = report.Sample{Units: reps * units, Wall: time.Since(began), Allocs: -1, Stored: int64(reps) * stored}
		after, err := rusage.CPU()
		s.CPU = after - before
		return s, err
	}}
}
