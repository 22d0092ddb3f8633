package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/internal/rusage"
	"github.com/millweir/millweir/source/s3source"
)

// transferRole is the argument of a process that transfers one object, whose memory is measured.
const transferRole = "transfer"

// maxRSS is the memory limit of ours in MiB: a part more than there are in flight, and the program.
const maxRSS = (parallelism+1)*partSize>>20 + 20

// transfer is one transfer in a process of its own.
type transfer struct {
	Name string // a key of runs
	Size int
	At   endpoints
}

// run does the transfer and returns its size.
func (t transfer) run() (int64, error) {
	cert, err := x509.ParseCertificate(t.At.Certificate)
	if err != nil {
		return 0, err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	c := client(t.At.HTTPS, &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12})
	run, ok := map[string]func() (int64, error){
		"download": ours(c, &s3source.DownloadOptions{
			Parallelism: parallelism,
			PartSize:    partSize,
		}),
		"transfermanager.GetObject":    transferGet(c),
		"upload":                       upload(c, t.Size),
		"manager.Uploader":             managerUpload(c, t.Size),
		"transfermanager.UploadObject": transferUpload(c, t.Size),
	}[t.Name]
	if !ok {
		return 0, fmt.Errorf("no transfer has the name %q", t.Name)
	}
	return run()
}

// memory measures the peak memory of a process that transfers one object.
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
		self, err := os.Executable()
		if err != nil {
			return report.Sample{}, err
		}
		task, err := json.Marshal(transfer{name, s.size, s.at})
		if err != nil {
			return report.Sample{}, err
		}
		var got int64
		var out bytes.Buffer
		work := exec.Command(self, transferRole)
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
