package cli

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/millweir/millweir/stream"
)

const (
	logInterval  = 5 * time.Second        // between two messages
	drawInterval = 250 * time.Millisecond // between two updates of the live line
	stallTime    = 4 * time.Second        // without any change, before a stall is reported
)

// Progress is a run in progress, as [Program.Watch] shows it. elapsed is the time since the start of
// the run.
type Progress interface {
	// Line returns the progress as text.
	Line(elapsed time.Duration) string

	// Attrs returns the progress as the attributes of a JSON message.
	Attrs(elapsed time.Duration) []any

	// Share returns the completed share, from 0 to 1, and reports whether it is known.
	Share() (share float64, known bool)

	// LastRetry returns the cause of the last retry, or nil.
	LastRetry() error
}

// Counters are the counts of a run in progress. A field is 0 if its number is unknown.
type Counters struct {
	Documents    *stream.Stats // BSON documents read so far
	Object       *stream.Stats // bytes of the object, written or read so far
	Acknowledged *Acknowledged // by the server that is written to; nil if nothing is written
	Expected     int64         // approximate number of documents
	Size         int64         // bytes of the stored object
	Verb         string        // what a restore does to documents, as "restored"; "" for a backup

	stall Stall
}

// stalled returns the time since the last change of a count, or 0 if it is short.
func (c *Counters) stalled(elapsed time.Duration) time.Duration {
	acked := c.Acknowledged.count()
	return c.stall.Since([4]int64{c.Documents.Elements(), c.Object.Bytes(), acked.bytes, acked.documents}, elapsed)
}

// Share implements [Progress]. Only what the
// server has acknowledged is complete. The share stays below 1 because the expected count is an
// estimate.
func (c *Counters) Share() (share float64, known bool) {
	part := func(n, of int64) float64 {
		if of == 0 {
			return 0
		}
		return min(float64(n)/float64(of), 1)
	}
	acked := c.Acknowledged.count()
	switch {
	case c.Expected > 0:
		share = part(c.Documents.Elements(), c.Expected) * part(acked.bytes, c.Object.Bytes())
	case c.Size > 0 && c.Acknowledged != nil:
		share = part(c.Object.Bytes(), c.Size) * part(acked.documents, c.Documents.Elements())
	case c.Size > 0:
		share = part(c.Object.Bytes(), c.Size)
	default:
		return 0, false
	}
	return min(share, 0.99), true
}

// Stall notices that counts do not change. The zero value is ready to use.
type Stall struct {
	mu      sync.Mutex
	last    any
	changed time.Duration
}

// Since returns the time since the last change of counts, or 0 if it is short. elapsed is the time since
// the start of the run. Counts are compared with ==.
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
				p.say(slog.LevelInfo, progressWords(c, elapsed), "under way", c.Attrs(elapsed)...)
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

// LastRetry implements [Progress].
func (c *Counters) LastRetry() error { return c.Acknowledged.count().lastRetry }

// progressWords returns the progress as a message, with the cause of the last retry.
func progressWords(c Progress, elapsed time.Duration) *Text {
	line := strings.TrimSpace(c.Line(elapsed))
	if err := c.LastRetry(); err != nil {
		return Textf("under way: %s; the last one after: %w", line, err)
	}
	return Textf("under way: %s", line)
}

// Attrs implements [Progress].
func (c *Counters) Attrs(elapsed time.Duration) []any {
	acked := c.Acknowledged.count()
	attrs := []any{
		"documents", c.Documents.Elements(),
		"documents_per_second", int64(float64(c.Documents.Elements()) / elapsed.Seconds()),
		"bytes", c.Documents.Bytes(),
	}
	if c.Verb == "" {
		attrs = append(attrs, "packed_bytes", c.Object.Bytes(), "stored_bytes", acked.bytes, "parts", acked.parts)
	} else {
		attrs = append(attrs, "object_bytes", c.Object.Bytes(), "inserted", acked.documents)
	}
	if share, known := c.Share(); known {
		attrs = append(attrs, "percent", int(100*share))
	}
	attrs = append(attrs, "retries", acked.retries)
	if acked.lastRetry != nil {
		attrs = append(attrs, "last_retry", acked.lastRetry)
	}
	return append(attrs, "stalled", Seconds(c.stalled(elapsed)), "elapsed", Seconds(elapsed))
}

// draw updates one line of the terminal, and removes it when the caller calls stop.
func (p *Program) draw(c Progress, began time.Time) (stop func()) {
	style := mpb.BarFillerBuilder(mpb.NopStyle())
	if _, known := c.Share(); known {
		style = mpb.BarStyle().Rbound("] ")
	}
	progress := mpb.New(mpb.WithOutput(p.file), mpb.WithRefreshRate(drawInterval), mpb.WithWidth(24),
		mpb.WithAutoRefresh())
	const whole = 1000 // the bar's own unit
	bar := progress.New(whole, style,
		mpb.BarFillerMiddleware(func(fill mpb.BarFiller) mpb.BarFiller {
			return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
				defer p.recoverPanic()
				share, _ := c.Share()
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

// Line implements [Progress].
func (c *Counters) Line(elapsed time.Duration) string {
	acked := c.Acknowledged.count()
	n := c.Documents.Elements()
	s := fmt.Sprintf("%s documents, %s/s, ", Count(n), Count(int64(float64(n)/max(elapsed.Seconds(), 0.001))))
	documents, object := Bytes(c.Documents.Bytes()), Bytes(c.Object.Bytes())
	switch {
	case c.Verb == "":
		s += fmt.Sprintf("%s read, %s of %s stored, %s", documents, Bytes(acked.bytes), object,
			plural(acked.parts, "part", "parts"))
	case c.Acknowledged == nil:
		s += fmt.Sprintf("%s read, %s %s", object, documents, c.Verb)
	default:
		s += fmt.Sprintf("%s read, %s of them %s", object, Count(acked.documents), c.Verb)
	}
	if acked.retries > 0 {
		s += ", " + plural(acked.retries, "retry", "retries")
	}
	if since := c.stalled(elapsed); since > 0 {
		s += ", nothing has moved for " + since.Truncate(time.Second).String()
	}
	s += ", " + elapsed.Truncate(time.Second).String()
	if share, known := c.Share(); known {
		s = fmt.Sprintf("%2.0f %%, ", 100*share) + s
	}
	return s
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
