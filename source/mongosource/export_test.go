package mongosource

import (
	"testing"
	"time"
)

// SetGrace sets, for one test, how long a cancelled run waits for a reply that opens a cursor, and for
// the reply to a request that closes one.
func SetGrace(t *testing.T, opening, closing time.Duration) {
	before := [...]time.Duration{openGrace, closeTimeout}
	openGrace, closeTimeout = opening, closing
	t.Cleanup(func() { openGrace, closeTimeout = before[0], before[1] })
}
