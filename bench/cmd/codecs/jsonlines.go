package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// pageView is a type as a user would define it.
type pageView struct {
	ID    string   `json:"id"`
	Path  string   `json:"path"`
	At    int64    `json:"at"`
	Spent float64  `json:"spent"`
	Tags  []string `json:"tags"`
}

// jsonLines writes values of a Go type as lines, and reads them back. Both sides use encoding/json,
// so ours must not cost more.
func jsonLines(in *input, _ pekko.Peer) ([]report.Case, error) {
	visits := make([]pageView, len(in.text)/512)
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	var spent int64
	for i := range visits {
		visits[i] = pageView{
			fmt.Sprintf("%024x", i), fmt.Sprintf("/articles/%d?from=\"home\"", i*7),
			1_700_000_000_000 + int64(i), float64(i) / 8,
			[]string{"new", "paid"},
		}
		spent += visits[i].At
		if err := e.Encode(visits[i]); err != nil {
			return nil, err
		}
	}
	b := caseBuilder{right: equals(text.Bytes()), Case: report.Case{
		Name: "json-lines", About: "structs → lines of JSON",
		Unit: "element", Units: len(visits), Want: int64(len(visits)),
	}}
	b.Ours = b.peer("millweir codec.JSONLines", report.Bar{}, func(w io.Writer) error {
		_, err := stream.Run(background, stream.Via(source.Slice(visits), codec.JSONLines[pageView](nil)),
			sink.Writer(w))
		return err
	})
	b.Peers = []report.Peer{b.peer("json.Encoder on a bufio.Writer", report.Bar{}, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, chunkBytes)
		e := json.NewEncoder(buffered)
		e.SetEscapeHTML(false)
		for _, v := range visits {
			if err := e.Encode(v); err != nil {
				return err
			}
		}
		return buffered.Flush()
	})}
	if b.err != nil {
		return nil, b.err
	}
	cs := chunks(text.Bytes())
	return []report.Case{b.Case, {
		Name: "parse-json-lines", About: "lines of JSON → structs",
		Unit: "element", Units: len(visits), Want: spent,
		Ours: report.Peer{Name: "millweir codec.ParseJSONLines", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(cs), codec.ParseJSONLines[pageView](nil)),
				sink.Fold(int64(0), func(total int64, v pageView) int64 { return total + v.At }))
		}},
		Peers: []report.Peer{{Name: "json.Decoder", Run: func() (total int64, _ error) {
			d := json.NewDecoder(bytes.NewReader(text.Bytes()))
			for {
				var v pageView
				switch err := d.Decode(&v); {
				case errors.Is(err, io.EOF):
					return total, nil
				case err != nil:
					return 0, err
				}
				total += v.At
			}
		}}},
	}}, nil
}
