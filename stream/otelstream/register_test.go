package otelstream_test

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/otelstream"
)

func TestRegister(t *testing.T) {
	reader := metric.NewManualReader()
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")
	read, cut := stream.Stats{Name: "read"}, stream.Stats{Name: "cut"}
	registration, err := otelstream.Register(meter, &read, &cut)
	if err != nil {
		t.Fatal(err)
	}
	shorten := stream.Map(func(b []byte) []byte { return b[:1] })
	src := stream.Via2(source.Of([]byte("abc"), []byte("def")), stream.MonitorBytes(&read),
		stream.Measure(&cut, shorten))
	if _, err := stream.Run(t.Context(), src, sink.Discard[[]byte]()); err != nil {
		t.Fatal(err)
	}
	got := collect(t, reader)
	for key, want := range map[string]float64{
		"millweir.stage.elements read":      2,
		"millweir.stage.bytes read":         6,
		"millweir.stage.bytes cut":          2,
		"millweir.stage.taken.bytes cut":    6,
		"millweir.stage.taken.elements cut": 2,
		"millweir.stage.runs cut":           1,
		"millweir.stage.failures cut":       0,
	} {
		if got[key] != want {
			t.Errorf("%s is %v, not %v", key, got[key], want)
		}
	}
	for _, state := range []string{"waited", "own", "blocked"} {
		if want := read.Snapshot().Waited.Seconds(); state == "waited" &&
			got["millweir.stage.time read "+state] != want {
			t.Errorf("%s is %v, not %v", state, got["millweir.stage.time read "+state], want)
		}
		if _, ok := got["millweir.stage.time cut "+state]; !ok {
			t.Errorf("no time of the state %s", state)
		}
	}
	if err := registration.Unregister(); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, reader); len(got) != 0 {
		t.Errorf("after Unregister: %v", got)
	}
}

func TestRegisterRefuses(t *testing.T) {
	meter := metric.NewMeterProvider().Meter("test")
	a, nameless := &stream.Stats{Name: "a"}, &stream.Stats{}
	for name, monitors := range map[string][]stream.Snapshotter{
		"nothing":   nil,
		"nil":       {a, nil},
		"no Stats":  {a, (*stream.Stats)(nil)},
		"no name":   {nameless},
		"one twice": {a, a},
	} {
		if _, err := otelstream.Register(meter, monitors...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := otelstream.Register(nil, a); err == nil {
		t.Error("a nil meter: no error")
	}
}

// collect returns the value of each series by its metric and attributes.
func collect(t *testing.T, reader *metric.ManualReader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					values[key(m.Name, p)] = float64(p.Value)
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					values[key(m.Name, p)] = p.Value
				}
			}
		}
	}
	return values
}

func key[N int64 | float64](name string, p metricdata.DataPoint[N]) string {
	stage, _ := p.Attributes.Value("millweir.stage")
	key := name + " " + stage.AsString()
	if state, ok := p.Attributes.Value("millweir.state"); ok {
		key += " " + state.AsString()
	}
	return key
}

func ExampleRegister() {
	provider := metric.NewMeterProvider() // with a reader that exports to your metrics system
	documents := stream.Stats{Name: "documents"}
	registration, err := otelstream.Register(provider.Meter("backup"), &documents)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = registration.Unregister() }()
	src := stream.Via(source.Of("a", "b"), stream.Monitor[string](&documents))
	_, err = stream.Run(context.Background(), src, sink.Discard[string]())
	fmt.Println(documents.Elements(), err)
	// Output: 2 <nil>
}
