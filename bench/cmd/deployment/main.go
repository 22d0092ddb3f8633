// Deployment measures package backup with whole deployments: backups into S3 and into a directory, their
// verification, restores, and second backups. It compares them with a program written by hand.
//
//	go run ./bench/cmd/deployment [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
//	                              [-size MB] [-collections N] [-s3 URL] [-profile DIR]
//
// Each run of each program is a new process. The command measures its CPU time, peak memory, duration,
// objects, requests to S3 and commands to MongoDB. The MongoDB server is mongotest in this process, which
// makes the documents when they are read, and keeps restored ones by their numbers: the data is larger
// than memory. The S3 server is the one of -s3, versitygw as another process if it is on the PATH, or
// s3test in this process. s3test holds all objects in memory.
//
// Every run is verified: each document of each collection of a backup and of a restored deployment is
// compared with the source byte for byte.
//
//   - backup, restore: a deployment of a quarter of -size, compared with the competent program.
//   - many-*: a deployment of -collections collections, most of them tiny.
//   - again: a second backup after 1 % of the newest documents changed.
//   - growth-*: deployments of -size and of ten times as much. By default that is 1 GB and 10 GB, which
//     takes half an hour and 11 GB of disk for each store.
//
// With -quick the deployments are smaller, and the cases of a directory are left out.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/report"
)

func main() {
	if status, ok := child.Main(runProgram); ok {
		os.Exit(status)
	}
	report.Command(runCommand)
}

// settings holds the values of the flags.
type settings struct {
	megabytes   float64 // 0: not given
	collections int
	s3          string
	profile     string
}

func (s *settings) setDefaults(quick bool) {
	size, collections := 1000.0, 2000
	if quick {
		size, collections = 48, 500
	}
	s.megabytes, s.collections = cmp.Or(s.megabytes, size), cmp.Or(s.collections, collections)
}

func (s *settings) check() error {
	const maxMegabytes, maxCollections = 1e6, 100_000
	switch {
	case !(s.megabytes >= 0.1 && s.megabytes <= maxMegabytes): // false for NaN
		return fmt.Errorf("deployment: -size %v is not 0.1 to %v", s.megabytes, maxMegabytes)
	case s.collections < 1 || s.collections > maxCollections:
		return fmt.Errorf("deployment: -collections %d is not 1 to %d", s.collections, maxCollections)
	}
	return nil
}

func runCommand(ctx context.Context, args []string, out, log io.Writer) (err error) {
	var s settings
	flags := flag.NewFlagSet("deployment", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Float64Var(&s.megabytes, "size", 0, "`MB` of BSON (default 1000, with -quick 48)")
	flags.IntVar(&s.collections, "collections", 0,
		"`N` collections of the cases many-* (default 2000, with -quick 500)")
	flags.StringVar(&s.s3, "s3", "", "`URL` of an S3 server; a bucket is made there, and removed")
	flags.StringVar(&s.profile, "profile", "",
		"write a CPU profile of each program's last run into the folder `DIR`; the figures then have its cost in them")
	var w *world
	defer func() {
		if w != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	suite := report.Suite{
		Command: "go run ./bench/cmd/deployment",
		Cases: func(quick bool) ([]report.Case, error) {
			s.setDefaults(quick)
			if err := s.check(); err != nil {
				return nil, err
			}
			var err error
			if w, err = open(ctx, s, log); err != nil {
				return nil, err
			}
			return w.cases(ctx, s, quick), nil
		},
		Quick: report.Options{Rounds: 2},
		Full:  report.Options{Rounds: 5},
	}
	return suite.Run(flags, args, out, log)
}
