package cli

import (
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

const (
	logInterval  = 5 * time.Second        // between two messages
	drawInterval = 250 * time.Millisecond // between two updates of the live line
	stallTime    = 4 * time.Second        // without any change, before a stall is reported
)

// Progress is a run in progress, as [Program.Watch] shows it. elapsed is the time since the start
// of the run.
type Progress interface {
	// Line returns the progress as text.
	Line(elapsed time.Duration) string

	// Attrs returns the progress as the attributes of a JSON message.
	Attrs(elapsed time.Duration) []any

	// Share returns the completed share, from 0 to 1, and reports whether it is known.
	Share() (share float64, known bool)
}

// Stall notices that counts do not change. The zero value is ready to use.
type Stall struct {
	mu      sync.Mutex
	last    any
	changed time.Duration
}

// Since returns the time since the last change of counts, or 0 if it is short. elapsed is the time
// since the start of the run. Counts are compared with ==.
func (s *Stall) Since(counts any, elapsed time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if counts != s.last {
		s.last, s.changed = counts, elapsed
	}
	if since := elapsed - s.changed; since >= stallTime {
		return since
	}
	return 0
}

// terminal reports whether the messages go to a terminal that can show a live line. One without a
// size, as in some containers, cannot.
func (p *Program) terminal() bool {
	if p.JSON {
		return false
	}
	width, height, err := term.GetSize(int(p.file.Fd()))
	return err == nil && width > 0 && height > 0
}

// Watch shows the progress of the run until the caller calls stop: as a live line on a terminal, as
// messages elsewhere.
func (p *Program) Watch(c Progress) (stop func()) {
	began := time.Now()
	if p.terminal() {
		return p.draw(c, began)
	}
	quit := make(chan struct{})
	var logging sync.WaitGroup
	logging.Go(func() {
		defer p.recoverPanic()
		tick := time.NewTicker(logInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				elapsed := time.Since(began)
				p.say(slog.LevelInfo, Textf("under way: %s", strings.TrimSpace(c.Line(elapsed))), "under way",
					c.Attrs(elapsed)...)
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		logging.Wait()
	}
}

// draw updates one line of the terminal, and removes it when the caller calls stop.
func (p *Program) draw(c Progress, began time.Time) (stop func()) {
	progress := mpb.New(mpb.WithOutput(p.file), mpb.WithRefreshRate(drawInterval), mpb.WithWidth(24),
		mpb.WithAutoRefresh())
	const whole = 1000 // the bar's own unit
	bar := progress.New(whole, mpb.BarStyle().Rbound("] "),
		mpb.BarFillerMiddleware(func(fill mpb.BarFiller) mpb.BarFiller {
			return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
				defer p.recoverPanic()
				share, known := c.Share()
				if !known {
					return nil
				}
				s.Current = int64(whole * share)
				return fill.Fill(w, s)
			})
		}),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			defer p.recoverPanic()
			return c.Line(time.Since(began))
		})),
	)
	direct := p.out
	p.out = progress // other messages go above the live line
	return func() {
		bar.Abort(true)
		progress.Wait()
		p.out = direct
	}
}

// plural returns n and the form of the word that agrees with it.
func plural(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + more
}

// Bytes formats n bytes: 8.0 MiB.
func Bytes(n int64) string { return humanize.IBytes(uint64(n)) }

// Documents formats n documents: 100,000 documents.
func Documents(n int64) string { return plural(n, "document", "documents") }

// Count formats n: 100,000.
func Count(n int64) string { return humanize.Comma(n) }

// Seconds returns d in seconds, to the millisecond, for JSON messages.
func Seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
