package stream

import (
	"context"
	"log/slog"
	"time"
)

// LogOptions tunes [Log]. The zero value is ready to use.
type LogOptions[T any] struct {
	Element slog.Leveler      // the level for an element; nil means slog.LevelDebug
	End     slog.Leveler      // the level for completion or an early end; nil means slog.LevelInfo
	Failure slog.Leveler      // the level for an error; nil means slog.LevelError
	Value   func(T) slog.Attr // describes an element; nil omits its value, which may be secret
}

// Log returns a flow that writes a record to logger for each element that passes. At the end it
// writes one with the number of elements, the duration and the error. name is the message of the
// records. Fused; it holds no element.
//
// If the logger's handler blocks, the run waits; if it panics, the run ends.
func Log[T any](logger *slog.Logger, name string, opts *LogOptions[T]) Flow[T, T] {
	if logger == nil {
		return invalid[T, T]("Log: the logger is nil")
	}
	var o LogOptions[T]
	if opts != nil {
		o = *opts
	}
	element, end, failure := levelOr(o.Element, slog.LevelDebug), levelOr(o.End, slog.LevelInfo),
		levelOr(o.Failure, slog.LevelError)
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		began := time.Now()
		var n int64
		each := logger.Enabled(ctx, element.Level())
		err := src.Each(ctx, func(v T) error {
			if each {
				attrs := []slog.Attr{slog.Int64("element", n)}
				if o.Value != nil {
					attrs = append(attrs, o.Value(v))
				}
				logger.LogAttrs(ctx, element.Level(), name, attrs...)
			}
			n++
			return emit(v)
		})
		level, how := end, slog.String("end", "complete")
		switch {
		case isStop(err):
			how = slog.String("end", "early")
		case err != nil:
			level, how = failure, slog.Any("error", err)
		}
		logger.LogAttrs(ctx, level.Level(), name,
			slog.Int64("elements", n), slog.Duration("took", time.Since(began)), how)
		return err
	})
}

func levelOr(level, otherwise slog.Leveler) slog.Leveler {
	if level == nil {
		return otherwise
	}
	return level
}
