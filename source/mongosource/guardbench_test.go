package mongosource_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// BenchmarkGuard reads 64 MiB without and with a guard in turn, so that both meet the same load of
// the machine.
func BenchmarkGuard(b *testing.B) {
	const total = 64 << 20
	for name, size := range map[string]int{"1 KiB": 1 << 10, "64 KiB": 64 << 10} {
		b.Run(name, func(b *testing.B) {
			srv := mongotest.NewServer()
			defer srv.Close()
			for i := range total / size {
				srv.Add("shop", "cookies",
					hostileDoc(bson.D{{Key: "_id", Value: i}, {Key: "a", Value: make([]byte, size-30)}}))
			}
			connect := func(o *options.ClientOptions) func() time.Duration {
				client, err := mongo.Connect(o)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = client.Disconnect(context.Background()) })
				return func() time.Duration {
					began := time.Now()
					find := mongosource.Find(client.Database("shop").Collection("cookies"), bson.D{}, nil)
					if _, err := stream.Run(b.Context(), find, sink.Discard[bson.Raw]()); err != nil {
						b.Fatal(err)
					}
					return time.Since(began)
				}
			}
			bare := connect(options.Client().ApplyURI(srv.URI()))
			guarded := connect(mongosource.Guard(options.Client().ApplyURI(srv.URI())))
			bare()
			guarded()
			var without, with time.Duration
			for b.Loop() {
				without += bare()
				with += guarded()
			}
			rate := func(took time.Duration) float64 { return float64(b.N) * total / 1e6 / took.Seconds() }
			b.ReportMetric(rate(without), "bare-MB/s")
			b.ReportMetric(rate(with), "guarded-MB/s")
			b.ReportMetric(float64(with)/float64(without), "guarded/bare")
		})
	}
}
