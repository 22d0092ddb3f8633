// Package otelstream exports the counts and times of a pipeline's monitors to OpenTelemetry.
//
// It is a separate module, so that the library does not depend on OpenTelemetry.
package otelstream

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/millweir/millweir/stream"
)

// Register makes meter report the state of monitors at each collection. A monitor is a
// [*stream.Stats] or your own type. Register adds no work to a run. Unregister the result when the pipeline will
// not run again.
//
// Each monitor must have a name, different from the others'. The metrics are cumulative counters with
// the name as the attribute millweir.stage:
//
//   - millweir.stage.elements ({element}) and millweir.stage.bytes (By): accepted by the downstream
//   - millweir.stage.taken.elements and millweir.stage.taken.bytes: accepted by the flow of
//     [stream.Measure]
//   - millweir.stage.time (s): with the attribute millweir.state: waited (for upstream), own, or
//     blocked (on downstream)
//   - millweir.stage.runs ({run}) and millweir.stage.failures ({run})
func Register(meter metric.Meter, monitors ...stream.Snapshotter) (metric.Registration, error) {
	if meter == nil {
		return nil, errors.New("otelstream: the meter is nil")
	}
	if err := check(monitors); err != nil {
		return nil, err
	}
	m, err := newInstruments(meter)
	if err != nil {
		return nil, fmt.Errorf("otelstream: %w", err)
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, monitor := range monitors {
			m.observe(o, monitor.Snapshot())
		}
		return nil
	}, m.all()...)
	if err != nil {
		return nil, fmt.Errorf("otelstream: %w", err)
	}
	return registration, nil
}

// check returns an error for monitors that OpenTelemetry could not tell apart.
func check(monitors []stream.Snapshotter) error {
	if len(monitors) == 0 {
		return errors.New("otelstream: no monitor is given")
	}
	seen := make(map[string]bool, len(monitors))
	for i, monitor := range monitors {
		if v := reflect.ValueOf(monitor); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
			return fmt.Errorf("otelstream: monitor %d is nil", i+1)
		}
		name := monitor.Snapshot().Name
		switch {
		case name == "":
			return fmt.Errorf("otelstream: monitor %d has no name", i+1)
		case seen[name]:
			return fmt.Errorf("otelstream: two monitors are named %q", name)
		}
		seen[name] = true
	}
	return nil
}

type instruments struct {
	elements, bytes, taken, takenBytes, runs, failures metric.Int64ObservableCounter
	time                                               metric.Float64ObservableCounter
}

func newInstruments(meter metric.Meter) (*instruments, error) {
	var failed error
	count := func(name, unit, description string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		failed = errors.Join(failed, err)
		return c
	}
	m := &instruments{
		elements:   count("millweir.stage.elements", "{element}", "Elements that the downstream accepted"),
		bytes:      count("millweir.stage.bytes", "By", "Bytes that the downstream accepted"),
		taken:      count("millweir.stage.taken.elements", "{element}", "Elements that the flow accepted"),
		takenBytes: count("millweir.stage.taken.bytes", "By", "Bytes that the flow accepted"),
		runs:       count("millweir.stage.runs", "{run}", "Runs that were started"),
		failures:   count("millweir.stage.failures", "{run}", "Runs that ended with an error"),
	}
	seconds, err := meter.Float64ObservableCounter("millweir.stage.time", metric.WithUnit("s"),
		metric.WithDescription("Time of runs: waited for upstream, own, blocked on downstream"))
	m.time = seconds
	return m, errors.Join(failed, err)
}

func (m *instruments) all() []metric.Observable {
	return []metric.Observable{m.elements, m.bytes, m.taken, m.takenBytes, m.runs, m.failures, m.time}
}

func (m *instruments) observe(o metric.Observer, s stream.Snapshot) {
	stage := attribute.String("millweir.stage", s.Name)
	of := metric.WithAttributes(stage)
	o.ObserveInt64(m.elements, s.Elements, of)
	o.ObserveInt64(m.bytes, s.Bytes, of)
	o.ObserveInt64(m.taken, s.Taken, of)
	o.ObserveInt64(m.takenBytes, s.TakenBytes, of)
	o.ObserveInt64(m.runs, s.Runs, of)
	o.ObserveInt64(m.failures, s.Failures, of)
	state := func(name string) metric.ObserveOption {
		return metric.WithAttributes(stage, attribute.String("millweir.state", name))
	}
	o.ObserveFloat64(m.time, s.Waited.Seconds(), state("waited"))
	o.ObserveFloat64(m.time, s.Own.Seconds(), state("own"))
	o.ObserveFloat64(m.time, s.Blocked.Seconds(), state("blocked"))
}
