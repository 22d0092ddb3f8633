package s3source

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/millweir/millweir/stream"
)

// pace measures how fast the server delivers, over the time that the run waits for it. The time
// that the consumer takes and the pauses before another request do not count.
type pace struct {
	window time.Duration // of waiting, within which quota bytes must come
	quota  int64         // 0 for no minimum

	waited time.Duration // since the quota was last met
	got    int64         // bytes since then
	missed int           // windows in a row in which the quota was not met
}

// newPace returns the pace of a server that must deliver rate bytes a second, on average over
// window. A negative rate is no minimum.
func newPace(rate int64, window time.Duration) pace {
	return pace{window: window, quota: bytesIn(rate, window)}
}

// bytesIn returns the number of bytes in d at rate bytes per second, at least one, or 0 for a
// negative rate.
func bytesIn(rate int64, d time.Duration) int64 {
	if rate < 0 {
		return 0
	}
	bytes := float64(rate) * d.Seconds()
	if bytes >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(1, int64(bytes))
}

// remaining returns how long the run may still wait for the quota.
func (p *pace) remaining() time.Duration {
	if p.quota == 0 {
		return math.MaxInt64
	}
	return max(0, p.window-p.waited)
}

// add records that n bytes came after a wait of d.
func (p *pace) add(d time.Duration, n int) {
	p.waited += d
	p.got += int64(n)
	if p.got >= p.quota {
		p.waited, p.got, p.missed = 0, 0, 0
	}
}

// miss records that the quota was not met in time, and returns the error. The next reply gets a
// whole window.
func (p *pace) miss() error {
	got := p.got
	p.waited, p.got = 0, 0
	p.missed++
	return fmt.Errorf("%w: %d of %d bytes came in %v of waiting: %w",
		errTooSlow, got, p.quota, p.window, os.ErrDeadlineExceeded)
}

var errTooSlow = stream.Mark(errors.New("too slow"), stream.Retryable)
