// Codecs compares the codecs of millweir with those that they replace: the driver's Extended JSON,
// compress/gzip and klauspost/compress, filippo.io/age, encoding/json, and the gzip of Pekko
// Streams if Maven and Java are installed.
//
//	go run ./bench/cmd/codecs [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
//
// Each case has its own file with all competitors. Every competitor has its input in memory, and
// reuses what its documentation allows. Before the measurement, another library's decoder verifies
// the output of an encoder, and the output of a decoder is compared with the original. During the
// measurement the bytes are counted.
package main

import (
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
)

func main() {
	report.Suite{
		Command: "go run ./bench/cmd/codecs",
		Cases: func(quick bool) ([]report.Case, error) {
			size, warm := 16<<20, 6*time.Second
			if quick {
				size, warm = 6<<20, 800*time.Millisecond
			}
			in, err := newInput(size)
			if err != nil {
				return nil, err
			}
			return cases(in, pekko.StartPeer(warm, in.text))
		},
		Quick: report.Options{Rounds: 5, Target: 12 * time.Millisecond},
		Full:  report.Options{Rounds: 11, Target: 150 * time.Millisecond},
	}.Main()
}

// cases returns all cases, in the order of the report.
func cases(in *input, java pekko.Peer) ([]report.Case, error) {
	var all []report.Case
	for _, s := range in.shapes {
		all = append(all, writer(s), parser(s))
	}
	for _, group := range []func(*input, pekko.Peer) ([]report.Case, error){
		parallelJSON, rawBSON, gzips, gunzips, parallelGzips, zstds, unzstds, parallelZstds, ages, rewraps, jsonLines,
		csvs, texts,
	} {
		cs, err := group(in, java)
		if err != nil {
			return nil, err
		}
		all = append(all, cs...)
	}
	return all, nil
}
