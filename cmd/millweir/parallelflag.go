package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// parallelFlag is the value of --parallel.
type parallelFlag int

// bindParallel binds --parallel, the number of units at once.
func bindParallel(flags *pflag.FlagSet, n *int, units string) {
	*n = 4
	flags.Var((*parallelFlag)(n), "parallel", "`NUMBER` of "+units+" at once")
}

// String implements [pflag.Value].
func (p *parallelFlag) String() string { return strconv.Itoa(int(*p)) }

// Type implements [pflag.Value].
func (*parallelFlag) Type() string { return "int" }

// Set implements [pflag.Value].
func (p *parallelFlag) Set(text string) error {
	const most = 256 // of backup.Run
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return fmt.Errorf("want a number from 1 to %d", most)
	}
	*p = parallelFlag(n)
	return nil
}
