package deflate_test

import (
	"fmt"
	"testing"

	"github.com/millweir/millweir/internal/deflate"
)

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"documents", "base64", "noise", "zeros"} {
		text := texts[name](4 << 20)
		for level := 1; level <= deflate.MaxLevel; level++ {
			b.Run(fmt.Sprint(name, "/", level), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				var z []byte
				for b.Loop() {
					z = deflate.AppendStream(z[:0], text, level)
				}
				b.ReportMetric(float64(len(text))/float64(len(z)), "ratio")
			})
		}
	}
}
