package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// timeFlag is the value of a flag that is a length of time: as [time.ParseDuration] takes it, or a whole
// number of days such as 30d. A day has 24 hours.
type timeFlag time.Duration

// String implements [pflag.Value]. The help shows no default that is "0".
func (f *timeFlag) String() string {
	if *f == 0 {
		return "0"
	}
	return time.Duration(*f).String()
}

// Type implements [pflag.Value].
func (*timeFlag) Type() string { return "duration" }

// Set implements [pflag.Value].
func (f *timeFlag) Set(text string) error {
	const day, most = 24 * time.Hour, 100_000 // days, for which a Duration has room
	parsed, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		if parsed = time.Duration(n) * day; n < -most || n > most {
			err = strconv.ErrRange
		}
	}
	if err != nil {
		return errors.New("want a time such as 90m, 720h or 30d")
	}
	*f = timeFlag(parsed)
	return nil
}
