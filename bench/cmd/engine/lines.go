package main

import (
	"bufio"
	"bytes"
	"slices"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// lines splits chunks into lines and counts them without copying. A line is valid until the next
// one; the lines of Pekko Streams stay valid.
func lines(java pekko.Peer, size int) report.Case {
	text := makeJSONLines(size)
	in := slices.Collect(slices.Chunk(text, chunkBytes))
	return java.Join(report.Case{
		Name: "lines", About: "64 KiB chunks in memory → lines that hold until the next one",
		Unit: "byte", Units: size, Want: int64(size),
		Ours: report.Peer{Name: "millweir codec.SplitLines, lent", Run: func() (total int64, _ error) {
			err := stream.EachLent(background, stream.Via(source.Slice(in), codec.SplitLines(nil)),
				func(line []byte) error {
					total = addRecord(total, line)
					return nil
				})
			return total, err
		}},
		Peers: []report.Peer{{Name: "bytes.IndexByte in a loop", Run: func() (total int64, _ error) {
			for p := text; len(p) > 0; { // the least work: only find the newlines
				i := bytes.IndexByte(p, '\n')
				total = addRecord(total, p[:i])
				p = p[i+1:]
			}
			return total, nil
		}}, {Name: "bufio.Scanner", Bar: report.Bar{Least: 1.8}, Run: func() (total int64, _ error) {
			s := scanner(text)
			for s.Scan() {
				total = addRecord(total, s.Bytes())
			}
			return total, s.Err()
		}}},
	}, pekko.Job{Bar: report.Bar{Least: 6}})
}

// linesKept is lines, but the receiver may keep the lines, as in Pekko Streams.
func linesKept(java pekko.Peer, size int) report.Case {
	text := makeJSONLines(size)
	in := slices.Collect(slices.Chunk(text, chunkBytes))
	c := java.Join(report.Case{
		Name: "lines", // the name of Pekko's job
		Unit: "byte", Units: size, Want: int64(size),
		Ours: report.Peer{Name: "millweir codec.SplitLines", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in), codec.SplitLines(nil)),
				sink.Fold(int64(0), addRecord))
		}},
		Peers: []report.Peer{{Name: "bufio.Scanner and bytes.Clone", Run: func() (total int64, _ error) {
			s := scanner(text)
			for s.Scan() {
				total = addRecord(total, bytes.Clone(s.Bytes()))
			}
			return total, s.Err()
		}}, {Name: "bufio.Scanner, lines not to keep", Run: func() (total int64, _ error) {
			s := scanner(text)
			for s.Scan() {
				total = addRecord(total, s.Bytes())
			}
			return total, s.Err()
		}}},
	}, pekko.Job{Bar: report.Bar{Least: 6}})
	c.Name, c.About = "lines-kept", "64 KiB chunks in memory → lines that are the receiver's"
	return c
}

// scanner returns a scanner over text.
func scanner(text []byte) *bufio.Scanner {
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(make([]byte, chunkBytes), 1<<20)
	return s
}

// addRecord counts the bytes of a record and its newline.
func addRecord(total int64, p []byte) int64 { return total + int64(len(p)) + 1 }
