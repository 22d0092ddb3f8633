package bsoncodec_test

import (
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/rusage"
)

// BenchmarkRatio reports the driver's CPU time divided by ours: the median of interleaved pairs.
func BenchmarkRatio(b *testing.B) {
	for _, s := range shapes() {
		var dst []byte
		b.Run("AppendExtJSON/"+s.name, func(b *testing.B) {
			ratio(b, func(i int) {
				dst, _ = bsoncodec.AppendExtJSON(dst[:0], s.docs[i], nil)
			}, func(i int) {
				_, _ = bson.MarshalExtJSON(s.docs[i], true, false)
			})
		})
		b.Run("AppendBSON/"+s.name, func(b *testing.B) {
			ratio(b, func(i int) {
				dst, _ = bsoncodec.AppendBSON(dst[:0], s.texts[i], nil)
			}, func(i int) {
				var doc bson.Raw
				_ = bson.UnmarshalExtJSON(s.texts[i], true, &doc)
			})
		})
	}
}

// ratio reports the CPU time of theirs divided by the CPU time of ours, for the documents of a
// shape, in turns of 20 ms.
func ratio(b *testing.B, ours, theirs func(i int)) {
	const slot = 20 * time.Millisecond
	rate := func(f func(i int)) float64 { // seconds per document
		n, began := 0, rusage.MustCPU()
		for rusage.MustCPU()-began < slot {
			for i := range 64 {
				f(i)
			}
			n += 64
		}
		return (rusage.MustCPU() - began).Seconds() / float64(n)
	}
	var all []float64
	var sum float64
	for b.Loop() {
		o := rate(ours)
		sum += o
		all = append(all, rate(theirs)/o)
	}
	slices.Sort(all)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1e9*sum/float64(len(all)), "ns/doc")
	b.ReportMetric(all[len(all)/2], "×")
	b.ReportMetric(all[0], "min×")
	b.ReportMetric(all[len(all)-1], "max×")
}
