package pekko

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

// JVM is a Java process that runs cases in Pekko Streams on request. It is not safe for concurrent
// use.
type JVM struct {
	warmUp   time.Duration
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	stdout   *bufio.Reader
	stderr   bytes.Buffer
	warmedUp map[string]bool // jobs that have run for warmUp
}

// Start compiles the project if necessary, and starts it. Each job runs for warm before its first
// measurement, so that the JVM compiles it. input is the input of the framing jobs.
func Start(warm time.Duration, input []byte) (*JVM, error) {
	dir, err := build()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "bench-pekko-")
	if err != nil {
		return nil, fmt.Errorf("pekko: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(input)
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("pekko: %w", err)
	}
	classes := strings.Join([]string{
		filepath.Join(dir, "target", "classes"),
		filepath.Join(dir, "target", "lib", "*"),
	}, string(os.PathListSeparator))
	// The parallel collector has the best throughput.
	j := &JVM{
		warmUp: warm, warmedUp: map[string]bool{},
		cmd: exec.Command("java", "-XX:+UseParallelGC", "-Xms1g", "-Xmx1g", "-cp", classes, "bench.Bench", file.Name()),
	}
	j.cmd.Stderr = &j.stderr
	out, err := j.cmd.StdoutPipe()
	if err == nil {
		j.stdin, err = j.cmd.StdinPipe()
	}
	if err == nil {
		err = j.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("pekko: %w", err)
	}
	j.stdout = bufio.NewReader(out)
	if answer, err := j.stdout.ReadString('\n'); err != nil || answer != "ready\n" {
		j.Close()
		return nil, fmt.Errorf("pekko: the JVM did not start: %q, %s", answer, j.stderr.Bytes())
	}
	return j, nil
}

// Close ends the process.
func (j *JVM) Close() error {
	j.stdin.Close() // the process exits at the end of its input
	return j.cmd.Wait()
}

// Work returns the work of one job with units of work, an argument for the job, and its check
// value.
func (j *JVM) Work(job string, units, arg int, want int64) report.Work {
	return func(reps int) (report.Sample, error) {
		if !j.warmedUp[job] {
			for began := time.Now(); time.Since(began) < j.warmUp; {
				if _, err := j.run(job, units, arg, 1, want); err != nil {
					return report.Sample{}, err
				}
			}
			j.warmedUp[job] = true
		}
		return j.run(job, units, arg, reps, want)
	}
}

func (j *JVM) run(job string, units, arg, reps int, want int64) (report.Sample, error) {
	before, exact := cpuTime(j.cmd.Process.Pid)
	if _, err := fmt.Fprintln(j.stdin, job, units, reps, arg); err != nil {
		return report.Sample{}, fmt.Errorf("pekko: %s: %w: %s", job, err, j.stderr.Bytes())
	}
	answer, err := j.stdout.ReadString('\n')
	if err != nil {
		return report.Sample{}, fmt.Errorf("pekko: %s: %w: %s", job, err, j.stderr.Bytes())
	}
	after, _ := cpuTime(j.cmd.Process.Pid)
	var wall, cpu, got int64
	if _, err := fmt.Sscanf(answer, "ok %d %d %d", &wall, &cpu, &got); err != nil {
		return report.Sample{}, fmt.Errorf("pekko: %s: %s", job, strings.TrimSpace(answer))
	}
	if got != want {
		return report.Sample{}, fmt.Errorf("pekko: %s: the check value is %d, not %d", job, got, want)
	}
	s := report.Sample{Units: units * reps, Wall: time.Duration(wall), CPU: time.Duration(cpu), Allocs: -1}
	if exact {
		s.CPU = after - before
	}
	return s, nil
}
