package streamtest

import (
	"errors"
	"time"
)

// patience is how long a probe waits for an expected event before it fails the test. In a synctest
// bubble the wait takes no real time.
const patience = 10 * time.Second

var errReused = errors.New("streamtest: a probe serves one run, and was run again")
