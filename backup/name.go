package backup

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// nameTime is the time in a name. Names in the order of their bytes are in the order of time.
const nameTime = "20060102t150405z"

const (
	// randomLength is the number of bytes after the time in a name, and of those in the key of an object.
	randomLength = 8
	// fractionLength is how many of them are the fraction of the second in a name, so that names of the
	// same second are in the order of time, too. The others are random: two names differ also if they are
	// made at once.
	fractionLength = 2
)

// newName returns the name of a run or an epoch that begins now: a time and 48 random bits.
func newName(now time.Time) string {
	fraction := int64(now.Nanosecond()) << (8 * fractionLength) / int64(time.Second)
	return fmt.Sprintf("%s-%0*x%s", now.UTC().Format(nameTime), 2*fractionLength, fraction,
		randomHex(randomLength-fractionLength))
}

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
