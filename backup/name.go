package backup

import (
	"encoding/hex"
	"strings"
	"time"
)

// nameTime is the time in a name. Names in the order of their bytes are in the order of time.
const nameTime = "20060102t150405z"

// randomLength is the number of random bytes in a name: two runs that begin in the same second have
// different names.
const randomLength = 8

// newName returns the name of a run or an epoch that begins now: a time and 64 random bits.
func newName(now time.Time) string { return now.UTC().Format(nameTime) + "-" + randomHex(randomLength) }

// isName reports whether newName can have made the name.
func isName(name string) bool {
	_, ok := parseName(name)
	return ok
}

// parseName returns the time in a name.
func parseName(name string) (began time.Time, ok bool) {
	clock, random, _ := strings.Cut(name, "-")
	began, err := time.Parse(nameTime, clock)
	p, err2 := hex.DecodeString(random)
	ok = err == nil && err2 == nil && len(p) == randomLength && random == hex.EncodeToString(p) &&
		clock == began.Format(nameTime)
	return began, ok
}
