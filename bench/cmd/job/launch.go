package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/internal/rusage"
)

// A program runs as the child of a launcher, which is this command with a special argument. A
// process starts with its parent's memory, and its reported peak is never less (getrusage(2)). The
// launcher uses little memory, so that it does not distort the figure.
const (
	roleEnv  = "MILLWEIR_JOB_ROLE" // launcher, or the role of a program
	nextEnv  = "MILLWEIR_JOB_NEXT" // the role of the launcher's child
	launcher = "launcher"

	profileEnv = "MILLWEIR_JOB_PROFILE" // the folder for profiles of our programs
)

// runAsChild runs the launcher or a program, if this process is a child of the command, and returns
// its exit status.
func runAsChild() (status int, ok bool) {
	role := os.Getenv(roleEnv)
	var err error
	switch role {
	case "":
		return 0, false
	case launcher:
		err = launch(os.Args[1:])
	default:
		err = runProgram(role)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return 1, true
	}
	return 0, true
}

// usage is the CPU time, memory and duration of a process.
type usage struct {
	CPU  time.Duration // user and system
	Wall time.Duration
	RSS  int64 // bytes, at its peak
}

// launch runs a command and writes its usage to the standard output.
func launch(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"="+os.Getenv(nextEnv), nextEnv+"=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	u := usage{
		Wall: time.Since(began),
		CPU:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		RSS:  rusage.PeakRSS(cmd.ProcessState),
	}
	return json.NewEncoder(os.Stdout).Encode(u)
}

// measure runs a program to its end in one direction.
func (w *world) measure(ctx context.Context, p program, direction, collection, key string) (u usage, err error) {
	argv, next := []string{w.self}, p.role
	if p.command != "" {
		argv, next = []string{"sh", "-c", p.command}, ""
	}
	cmd := exec.CommandContext(ctx, w.self, argv...)
	cmd.Env = append(w.env[:len(w.env):len(w.env)], roleEnv+"="+launcher, nextEnv+"="+next,
		"JOB_DIRECTION="+direction, "JOB_COLLECTION="+collection, "JOB_KEY="+key)
	var out bytes.Buffer
	log := &tailBuffer{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, log, time.Second
	cmd.SysProcAttr = endWithParent()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	if err := cmd.Run(); err != nil {
		return u, fmt.Errorf("%s: %w: %s", direction, err, log)
	}
	if err := json.Unmarshal(out.Bytes(), &u); err != nil {
		return u, fmt.Errorf("%s: the launcher: %w", direction, err)
	}
	return u, nil
}

// backupWork backs up the source of a size, and verifies the object.
func (w *world) backupWork(ctx context.Context, p program, size int64) report.Work {
	return func(int) (report.Sample, error) {
		src, err := w.source(ctx, size)
		if err != nil {
			return report.Sample{}, err
		}
		key := objectKey(p, src)
		u, err := w.measure(ctx, p, "backup", src.collection, key)
		if err != nil {
			return report.Sample{}, err
		}
		if w.stored[key], err = w.checkObject(ctx, p, key, src.lines); err != nil {
			return report.Sample{}, fmt.Errorf("verify the backup: %w", err)
		}
		w.logRate("backup", p, src, u)
		return w.sample(u, src, key), nil
	}
}

// restoreWork restores the program's own backup of the source of a size, and verifies the
// collection.
func (w *world) restoreWork(ctx context.Context, p program, size int64) report.Work {
	return func(int) (report.Sample, error) {
		src, err := w.source(ctx, size)
		if err != nil {
			return report.Sample{}, err
		}
		key := objectKey(p, src)
		if w.stored[key] == 0 {
			if _, err := w.backupWork(ctx, p, size)(1); err != nil {
				return report.Sample{}, err
			}
		}
		const target = "target"
		u, err := w.measure(ctx, p, "restore", target, key)
		if err != nil {
			return report.Sample{}, err
		}
		if err := w.checkCollection(ctx, target, src.docs); err != nil {
			return report.Sample{}, fmt.Errorf("verify the restore: %w", err)
		}
		w.logRate("restore", p, src, u)
		return w.sample(u, src, key), w.db.Collection(target).Drop(ctx)
	}
}

// logRate logs a run in the units in which an operator asks.
func (w *world) logRate(what string, p program, src *source, u usage) {
	fmt.Fprintf(w.log, "%s by %s: %.0f documents/s, %.1f s of CPU a GB, %d MiB\n", what, p.name,
		float64(src.docs.Records)/u.Wall.Seconds(), u.CPU.Seconds()/(float64(src.bytes)/1e9), u.RSS>>20)
}

func objectKey(p program, src *source) string { return src.collection + "." + p.role + ".jsonl.gz.age" }

func (w *world) sample(u usage, src *source, key string) report.Sample {
	return report.Sample{Units: int(src.bytes), CPU: u.CPU, Wall: u.Wall, RSS: u.RSS, Stored: w.stored[key], Allocs: -1}
}
