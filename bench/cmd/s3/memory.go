package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/internal/rusage"
)

// maxRSS is the memory limit of ours in MiB: a part more than there are in flight, and the program.
const maxRSS = (transfers.Parallelism+1)*transfers.PartSize>>20 + 20

// memory measures the peak memory of a process that transfers one object. The process is the program
// one: this one also draws charts, and has other clients, which took 6 MiB of the peak.
func memory(s *servers) []report.Case {
	one := func(name string, peers ...string) report.Case {
		c := report.Case{
			Name: name + "-memory", About: "one object over https, 4 parts of 8 MiB at a time, in a process of its own",
			Unit: "byte", Units: s.size, By: report.RSS, Cold: true,
			Ours:   report.Peer{Name: "millweir", Work: s.inProcess(name)},
			Limits: []report.Limit{{Metric: report.RSS, Max: maxRSS}},
		}
		for _, p := range peers {
			c.Peers = append(c.Peers, report.Peer{Name: p, Work: s.inProcess(p)})
		}
		return c
	}
	return []report.Case{
		one("download", "transfermanager.GetObject"),
		one("upload", "manager.Uploader", "transfermanager.UploadObject"),
	}
}

// inProcess runs one transfer in a new process.
func (s *servers) inProcess(name string) report.Work {
	return func(int) (report.Sample, error) {
		program, err := s.buildOne()
		if err != nil {
			return report.Sample{}, err
		}
		task, err := json.Marshal(transfers.Task{
			Name: name, Size: s.size, URL: s.at.HTTPS, Certificate: s.at.Certificate,
		})
		if err != nil {
			return report.Sample{}, err
		}
		var got int64
		var out bytes.Buffer
		work := exec.Command(program)
		work.Stdin, work.Stdout, work.Stderr = bytes.NewReader(task), &out, os.Stderr
		began := time.Now()
		if err := work.Run(); err != nil {
			return report.Sample{}, err
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != int64(s.size) {
			return report.Sample{}, fmt.Errorf("%s: %d bytes of %d, %w", name, got, s.size, err)
		}
		return report.Sample{
			Units: s.size, CPU: work.ProcessState.UserTime() + work.ProcessState.SystemTime(), Wall: time.Since(began),
			Allocs: -1, RSS: rusage.PeakRSS(work.ProcessState),
		}, nil
	}
}

// buildOne builds the program one in its first call, and returns its file.
func (s *servers) buildOne() (string, error) {
	if s.dir != "" {
		return filepath.Join(s.dir, "one"), nil
	}
	dir, err := os.MkdirTemp("", "bench-s3-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "one")
	build := exec.Command("go", "build", "-o", file, "github.com/millweir/millweir/bench/cmd/s3/one")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the program of one transfer: %w", err)
	}
	s.dir = dir
	return file, nil
}
