package stream

import (
	"context"
	"log/slog"
	"time"
)

// LogOptions tunes [Log]. The zero value is ready to use.
type LogOptions[T any] struct {
	Element slog.Level        // of the record of each element; 0 means slog.LevelDebug
	End     slog.Level        // of the record of completion or early end; 0 means slog.LevelInfo
	Failure slog.Level        // of the record of an error; 0 means slog.LevelError
	Value   func(T) slog.Attr // describes an element; nil leaves its value out, which may be secret
}

// Log returns a flow that writes a record to logger for each element that passes, and one at the end: how many there were, how
// long it took, and the error. name is their message. Fused; it holds no element.
//
// A logger whose handler blocks makes the run wait, and one whose handler panics ends it.
func Log[T any](logger *slog.Logger, name string, opts *LogOptions[T]) Flow[T, T] {
	if logger == nil {
		return invalid[T, T]("Log: the logger is nil")
	}
	var o LogOptions[T]
	if opts != nil {
		o = *opts
	}
	if o.Element == 0 {
		o.Element = slog.LevelDebug
	}
	if o.Failure == 0 {
		o.Failure = slog.LevelError
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			began := time.Now()
			var n int64
			each := logger.Enabled(ctx, o.Element)
			err := src.Each(ctx, func(v T) error {
				if each {
					attrs := []slog.Attr{slog.Int64("element", n)}
					if o.Value != nil {
						attrs = append(attrs, o.Value(v))
					}
					logger.LogAttrs(ctx, o.Element, name, attrs...)
				}
				n++
				return emit(v)
			})
			level, how := o.End, slog.String("end", "complete")
			switch {
			case Stopped(err):
				how = slog.String("end", "early")
			case err != nil:
				level, how = o.Failure, slog.Any("error", err)
			}
			logger.LogAttrs(ctx, level, name, slog.Int64("elements", n), slog.Duration("took", time.Since(began)), how)
			return err
		})
	})
}
