// Job measures the whole job, MongoDB → JSON → gzip → age → S3 and back, against two programs
// written by hand: a competent one and a tuned one.
//
//	go run ./bench/cmd/job [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
//	                       [-size MB] [-shape NAME] [-level LEVEL] [-mongo URI] [-s3 URL]
//	                       [-peer COMMAND] [-profile DIR]
//
// Each run of each program is a new process. The command measures its CPU time, peak memory,
// duration and stored bytes. The flags -mongo and -s3 name the servers. Without them, the command
// starts SecantusDB and versitygw as other processes if secantusd-rs and versitygw are on the PATH
// (or named by the environment variables SECANTUSD_RS and VERSITYGW). Otherwise it runs the servers
// for tests in this process. For -s3, the credentials come from the environment or ~/.aws, as for
// every AWS tool.
//
// Every run is verified. A backup is read back with age, compress/gzip and bufio, and must hold the
// documents as the MongoDB driver writes them in canonical Extended JSON. A restored collection
// must hold the documents byte for byte.
//
// The cases *-cores profile ours on all cores and print the share of each goroutine: the busiest
// one bounds the speed-up by more cores. The cases *-in-memory measure how well the stages share
// the cores, without servers.
//
// # Comparing another program
//
// -peer 'COMMAND' runs in sh, once for every backup and restore, with this environment:
//
//	JOB_DIRECTION                          backup or restore
//	MONGODB_URI, JOB_DB, JOB_COLLECTION    what to read, or where to write: a new collection
//	JOB_BUCKET, JOB_KEY                    the object to write, or to read
//	JOB_RECIPIENT                          the public key to encrypt to, age1…
//	JOB_IDENTITY                           the file with its secret key
//	AWS_ENDPOINT_URL_S3 and the other variables of AWS
//
// It must exit with status 0 on success. It may choose the format of its object: a backup must only
// exist and not be empty. A restore must restore all documents. The figures of a command with
// several processes are the CPU time of all that it waits for, and the memory of the largest. Two
// examples:
//
//	go run ./bench/cmd/job -case backup -level fast -peer '
//	  mongoexport --uri "$MONGODB_URI" -d "$JOB_DB" -c "$JOB_COLLECTION" --jsonFormat canonical |
//	  gzip | age -r "$JOB_RECIPIENT" |
//	  aws --endpoint-url "$AWS_ENDPOINT_URL_S3" s3 cp - "s3://$JOB_BUCKET/$JOB_KEY"'
//	go run ./bench/cmd/job -peer './mine "$JOB_DIRECTION"'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/report"
)

func main() {
	if status, ok := child.Main(runProgram); ok {
		os.Exit(status)
	}
	report.Command(run)
}

// settings holds the values of the flags.
type settings struct {
	megabytes float64 // 0: not given
	shape     string
	level     string
	mongo, s3 string
	peer      string
	profile   string
}

func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	var s settings
	flags := flag.NewFlagSet("job", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Func("size", "`MB` of BSON (default 100, with -quick 16)", s.size)
	flags.StringVar(&s.shape, "shape", "mix", "`NAME` of the documents: cookie, event, big or mix")
	flags.StringVar(&s.level, "level", "both", "gzip `LEVEL` of ours: default, fast or both")
	flags.StringVar(&s.mongo, "mongo", "", "`URI` of a MongoDB server; a database is made there, and dropped")
	flags.StringVar(&s.s3, "s3", "", "`URL` of an S3 server; a bucket is made there, and removed")
	flags.StringVar(&s.peer, "peer", "", "`COMMAND` to measure beside ours")

	flags.StringVar(&s.profile, "profile", "",
		"write a CPU profile of each program's last run into the folder `DIR`; the figures then have its cost in them")

	var w *world
	defer func() {
		if w != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	suite := report.Suite{
		Command: "go run ./bench/cmd/job",
		Cases: func(quick bool) ([]report.Case, error) {
			if s.megabytes == 0 {
				s.megabytes = 100
				if quick {
					s.megabytes = 16
				}
			}
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

// The range of -size in MB. Less is too short to measure; ten times more would overflow a number of
// bytes.
const minSize, maxSize = 0.001, 1e9

func (s *settings) size(text string) (err error) {
	if s.megabytes, err = strconv.ParseFloat(text, 64); err != nil {
		return err
	}
	if !(s.megabytes >= minSize && s.megabytes <= maxSize) { // false for NaN
		return fmt.Errorf("want %v to %v", minSize, maxSize)
	}
	return nil
}

func (s *settings) check() error {
	if _, ok := shapes[s.shape]; !ok {
		return fmt.Errorf("job: -shape %q is not cookie, event, big or mix", s.shape)
	}
	if s.level != "default" && s.level != "fast" && s.level != "both" {
		return fmt.Errorf("job: -level %q is not default, fast or both", s.level)
	}
	return nil
}
