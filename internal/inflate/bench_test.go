package inflate_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	kflate "github.com/klauspost/compress/flate"

	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/internal/inflate"
	"github.com/millweir/millweir/internal/rusage"
)

// BenchmarkDecode runs the Decoder, the Reader, klauspost's reader and the standard library's
// reader in turn on JSON that was compressed at each level, all in memory. It reports the output in
// MB per CPU second, and the median ratios to klauspost's CPU time.
func BenchmarkDecode(b *testing.B) {
	data := corpus.Lines(8 << 20)
	out := make([]byte, len(data))
	for _, level := range []int{1, 5, 6, 9, -2} {
		z := pack(b, data, level)
		var d inflate.Decoder
		var r inflate.Reader
		src := bufio.NewReaderSize(nil, 64<<10)
		theirs := func(r io.Reader) func() {
			return func() {
				_ = r.(flate.Resetter).Reset(bytes.NewReader(z), nil)
				if n, err := io.ReadFull(r, out); err != nil {
					b.Fatal(n, err)
				}
			}
		}
		names := []string{"klauspost", "decoder", "reader", "std"}
		spent := make([]time.Duration, len(names))
		ratios := make([][]float64, len(names))
		b.Run(fmt.Sprint("level", level), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var first time.Duration
				for i, f := range []func(){theirs(kflate.NewReader(nil)), func() {
					d.Reset()
					if n, _, err := d.DecodeFinal(out, 0, z); n != len(data) || err != io.EOF {
						b.Fatal(n, err)
					}
				}, func() {
					src.Reset(bytes.NewReader(z))
					r.Reset(src)
					for {
						if _, err := r.Read(out[:64<<10]); err == io.EOF {
							break
						} else if err != nil {
							b.Fatal(err)
						}
					}
				}, theirs(flate.NewReader(nil))} {
					t := rusage.MustCPU()
					f()
					took := rusage.MustCPU() - t
					if i == 0 {
						first = took
					}
					spent[i] += took
					ratios[i] = append(ratios[i], float64(first)/float64(took))
				}
			}
			for i, name := range names {
				slices.Sort(ratios[i])
				b.ReportMetric(float64(len(data)*len(ratios[i]))/spent[i].Seconds()/1e6, name+"-MB/cpu-s")
				if i > 0 {
					b.ReportMetric(ratios[i][len(ratios[i])/2], name+"-x")
				}
			}
		})
	}
}
