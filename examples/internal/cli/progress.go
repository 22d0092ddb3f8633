package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/millweir/millweir/stream"
)

const (
	logEvery = 5 * time.Second        // between two log lines
	drawRate = 250 * time.Millisecond // between two drawings of the live line
)

// Counters is what a run counts while it goes on. Every field but Documents and Object may be nil or 0 where it is not known.
type Counters struct {
	Documents *stream.Stats // BSON documents
	Object    *stream.Stats // chunks of the stored object
	PartSize  int64         // bytes in a part of the object; 0: parts are not shown
	Expected  int64         // documents that will come, about
	Size      int64         // bytes of the stored object
	Verb      string        // what a restore does to the documents: "restored"; "" in a backup, which stores them
}

// parts returns how many parts are full.
func (c *Counters) parts() int64 {
	if c.PartSize == 0 {
		return 0
	}
	return c.Object.Bytes() / c.PartSize
}

// done returns the share that is done, from 0 to 1, and whether it is known. The last hundredth is for the end: an expected
// count is an estimate.
func (c *Counters) done() (share float64, known bool) {
	switch {
	case c.Expected > 0:
		share = float64(c.Documents.Elements()) / float64(c.Expected)
	case c.Size > 0:
		share = float64(c.Object.Bytes()) / float64(c.Size)
	default:
		return 0, false
	}
	return min(share, 0.99), true
}

// terminal tells whether a person sees the messages as they come. A terminal without a size, as some containers have, is none.
func (p *Program) terminal() bool {
	if p.JSON {
		return false
	}
	width, height, err := term.GetSize(int(p.file.Fd()))
	return err == nil && width > 0 && height > 0
}

// Watch shows how the run goes on, until stop is called: as a live line on a terminal, as log lines elsewhere.
func (p *Program) Watch(c Counters) (stop func()) {
	began := time.Now()
	if p.terminal() {
		return p.draw(&c, began)
	}
	quit := make(chan struct{})
	var logging sync.WaitGroup
	logging.Go(func() {
		tick := time.NewTicker(logEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.Log().Info("under way", c.attrs(time.Since(began))...)
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

// attrs returns the counters for a log line.
func (c *Counters) attrs(elapsed time.Duration) []any {
	attrs := []any{
		"documents", c.Documents.Elements(),
		"documents_per_second", int64(float64(c.Documents.Elements()) / elapsed.Seconds()),
		"bytes", c.Documents.Bytes(),
		"stored_bytes", c.Object.Bytes(),
	}
	if c.PartSize > 0 {
		attrs = append(attrs, "parts", c.parts())
	}
	if share, known := c.done(); known {
		attrs = append(attrs, "percent", int(100*share))
	}
	return append(attrs, "elapsed", Seconds(elapsed))
}

// draw keeps one line of the terminal up to date, and removes it at the end.
func (p *Program) draw(c *Counters, began time.Time) (stop func()) {
	style := mpb.BarFillerBuilder(mpb.NopStyle())
	if _, known := c.done(); known {
		style = mpb.BarStyle().Rbound("] ")
	}
	progress := mpb.New(mpb.WithOutput(p.file), mpb.WithRefreshRate(drawRate), mpb.WithWidth(24), mpb.WithAutoRefresh())
	const whole = 1000 // the bar's own unit
	bar := progress.New(whole, style,
		mpb.BarFillerMiddleware(func(fill mpb.BarFiller) mpb.BarFiller {
			return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
				share, _ := c.done()
				s.Current = int64(whole * share)
				return fill.Fill(w, s)
			})
		}),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return c.line(time.Since(began)) })),
	)
	return func() {
		bar.Abort(true)
		progress.Wait()
	}
}

// line returns the counters for a person.
func (c *Counters) line(elapsed time.Duration) string {
	n := c.Documents.Elements()
	s := fmt.Sprintf("%s documents, %s/s, ", humanize.Comma(n), humanize.Comma(int64(float64(n)/max(elapsed.Seconds(), 0.001))))
	documents, object := Bytes(c.Documents.Bytes()), Bytes(c.Object.Bytes())
	if c.Verb != "" {
		s += object + " read, " + documents + " " + c.Verb
	} else {
		s += documents + " read, " + object + " stored"
	}
	switch parts := c.parts(); {
	case c.PartSize == 0:
	case parts == 1:
		s += ", 1 part"
	default:
		s += fmt.Sprintf(", %d parts", parts)
	}
	s += ", " + elapsed.Truncate(time.Second).String()
	if share, known := c.done(); known {
		s = fmt.Sprintf("%2.0f %%, ", 100*share) + s
	}
	return s
}

// Bytes returns n for a person: 8.0 MiB.
func Bytes(n int64) string { return humanize.IBytes(uint64(n)) }

// Count returns n for a person: 100,000.
func Count(n int64) string { return humanize.Comma(n) }

// Seconds returns d as a number for log lines, in milliseconds' precision.
func Seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
