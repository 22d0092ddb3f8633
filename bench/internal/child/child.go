// Package child measures programs that run as children of a bench command: their CPU time, peak
// memory and duration.
//
// A program is the child of a launcher, which is the command itself with a role. A process starts with
// its parent's memory, and its reported peak is never less (getrusage(2)). The launcher uses little
// memory, so that it does not distort the figure.
package child

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/millweir/millweir/internal/rusage"
)

const (
	// RoleEnv names the role of a child: launcher, or that of a program.
	RoleEnv  = "MILLWEIR_BENCH_ROLE"
	nextEnv  = "MILLWEIR_BENCH_NEXT" // the role of the launcher's child
	launcher = "launcher"

	// ProfileEnv names the folder for CPU profiles, for [Profiled].
	ProfileEnv = "MILLWEIR_BENCH_PROFILE"
)

// Main runs the launcher, or the program of a role, if this process is a child of the command. It
// returns its exit status.
func Main(program func(role string) error) (status int, ok bool) {
	role := os.Getenv(RoleEnv)
	var err error
	switch role {
	case "":
		return 0, false
	case launcher:
		err = launch(os.Args[1:])
	default:
		err = program(role)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return 1, true
	}
	return 0, true
}

// Usage is the CPU time, memory and duration of a process.
type Usage struct {
	CPU  time.Duration // user and system
	Wall time.Duration
	RSS  int64 // bytes, at its peak
}

// launch runs a command and writes its usage to the standard output.
func launch(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), RoleEnv+"="+os.Getenv(nextEnv), nextEnv+"=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	u := Usage{
		Wall: time.Since(began),
		CPU:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		RSS:  rusage.PeakRSS(cmd.ProcessState),
	}
	return json.NewEncoder(os.Stdout).Encode(u)
}

// Program is what runs as a child: a role of this command, or a command for sh.
type Program struct{ Role, Command string }

// Measure runs a program to its end, with an environment.
func Measure(ctx context.Context, p Program, env []string) (u Usage, err error) {
	self, err := os.Executable()
	if err != nil {
		return u, err
	}
	argv := []string{self}
	if p.Command != "" {
		argv, p.Role = []string{"sh", "-c", p.Command}, ""
	}
	cmd := exec.CommandContext(ctx, self, argv...)
	cmd.Env = append(env[:len(env):len(env)], RoleEnv+"="+launcher, nextEnv+"="+p.Role)
	var out bytes.Buffer
	log := &TailBuffer{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, log, time.Second
	cmd.SysProcAttr = EndWithParent()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	if err := cmd.Run(); err != nil {
		return u, fmt.Errorf("%w: %s", err, log)
	}
	if err := json.Unmarshal(out.Bytes(), &u); err != nil {
		return u, fmt.Errorf("the launcher: %w", err)
	}
	return u, nil
}

// Profiled runs a program, and writes its CPU profile into a file NAME.pprof of the folder of
// [ProfileEnv], if that is set.
func Profiled(name string, run func() error) error {
	dir := os.Getenv(ProfileEnv)
	if dir == "" {
		return run()
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = run()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}
