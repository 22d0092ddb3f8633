// S3 compares the downloads and uploads of millweir with those of the AWS SDK and minio-go.
//
//	go run ./bench/cmd/s3 [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
//
// The server is another process, so only the CPU time of the clients is measured. It serves over
// http and over https. Every download is counted, and every upload is checked by the server.
package main

import (
	"os"
	"slices"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

func main() {
	if playRole(os.Args) {
		return
	}
	s := &servers{}
	defer s.close()
	report.Suite{
		Command: "go run ./bench/cmd/s3",
		Cases:   s.cases,
		Quick:   report.Options{Rounds: 5, Target: 200 * time.Millisecond},
		Full:    report.Options{Rounds: 7, Target: time.Second},
	}.Main()
}

// cases starts the server and returns all cases, in the order of the report. Memory comes first: a
// new process inherits the peak of this one.
func (s *servers) cases(quick bool) ([]report.Case, error) {
	size := 256 << 20
	if quick {
		size = 64 << 20
	}
	return s.casesOf(size)
}

// casesOf returns the cases with an object of the given size.
func (s *servers) casesOf(size int) ([]report.Case, error) {
	if err := s.start(size); err != nil {
		return nil, err
	}
	return slices.Concat(memory(s), far(s), uploads(s), downloads(s)), nil
}
