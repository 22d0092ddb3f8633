package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func bindRetain(flags *pflag.FlagSet, retain *time.Duration) {
	flags.Var((*timeFlag)(retain), "retain",
		"protect all objects from deletion for this `TIME`, such as 720h or 30d (Object Lock)")
}

// retainUntil returns when the protection of --retain ends, or zero.
func retainUntil(retain time.Duration) (until time.Time, err error) {
	switch {
	case retain < 0:
		return until, cli.Usagef("--retain %v is negative", retain)
	case retain > 0:
		until = time.Now().Add(retain)
	}
	return until, nil
}
