package main

import (
	"bufio"
	"bytes"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// lines is chunks in memory cut into lines, which are counted, not copied. Ours are the consumer's to keep; those of a
// bufio.Scanner hold until the next one.
func lines(jvm jvm, size int) report.Case {
	text := jsonLines(size)
	in := chunks(text)
	return jvm.join(report.Case{
		Name: "lines", About: "64 KiB chunks in memory → lines",
		Unit: "byte", Units: size, Want: int64(size),
		Ours: report.Peer{Name: "millweir codec.Lines", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in), codec.Lines(nil)), sink.Fold(int64(0), addRecord))
		}},
		Peers: []report.Peer{{Name: "bytes.IndexByte in a loop", Run: func() (total int64, _ error) {
			for p := text; len(p) > 0; { // what it takes to look for the newlines, and nothing else
				i := bytes.IndexByte(p, '\n')
				total = addRecord(total, p[:i])
				p = p[i+1:]
			}
			return total, nil
		}}, {Name: "bufio.Scanner", Bar: report.Bar{Least: 1.8}, Run: func() (total int64, _ error) {
			s := bufio.NewScanner(bytes.NewReader(text))
			s.Buffer(make([]byte, chunkBytes), 1<<20)
			for s.Scan() {
				total = addRecord(total, s.Bytes())
			}
			return total, s.Err()
		}}},
	}, 0, report.Bar{Least: 6})
}

// addRecord counts the bytes of a record and of the newline behind it.
func addRecord(total int64, p []byte) int64 { return total + int64(len(p)) + 1 }
