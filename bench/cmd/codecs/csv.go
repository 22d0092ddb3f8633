package main

import (
	"bytes"
	"encoding/csv"
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

// csvs writes records as comma-separated values, and reads them back. Some fields need quotes.
func csvs(in *input, _ pekko.Peer) ([]report.Case, error) {
	records := make([][]string, len(in.text)/256)
	var text bytes.Buffer
	for i := range records {
		records[i] = []string{fmt.Sprint(i), "user@example.com", "a note, with a comma", "2026-11-29T10:00:00Z", "0.40"}
	}
	if err := csv.NewWriter(&text).WriteAll(records); err != nil {
		return nil, err
	}
	b := caseBuilder{right: equals(text.Bytes()), Case: report.Case{
		Name: "csv", About: "records → CSV", Unit: "record", Units: len(records), Want: int64(len(records)),
	}}
	b.Ours = b.peer("millweir codec.CSV", report.Bar{}, outputOf(stream.Via(source.Slice(records), codec.CSV(nil))))
	b.Peers = []report.Peer{b.peer("encoding/csv", report.Bar{}, func(w io.Writer) error {
		return csv.NewWriter(w).WriteAll(records)
	})}
	if b.err != nil {
		return nil, b.err
	}
	cs := chunks(text.Bytes())
	return []report.Case{b.Case, {
		Name: "parse-csv", About: "CSV → records",
		Unit: "record", Units: len(records), Want: int64(5 * len(records)),
		Ours: report.Peer{Name: "millweir codec.ParseCSV", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(cs), codec.ParseCSV(nil)), sink.Fold(int64(0), addFields))
		}},
		Peers: []report.Peer{{Name: "encoding/csv", Run: func() (total int64, _ error) {
			r := csv.NewReader(bytes.NewReader(text.Bytes()))
			for {
				record, err := r.Read()
				if errors.Is(err, io.EOF) {
					return total, nil
				}
				if err != nil {
					return 0, err
				}
				total = addFields(total, record)
			}
		}}},
	}}, nil
}

func addFields(total int64, record []string) int64 { return total + int64(len(record)) }
