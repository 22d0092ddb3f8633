package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/millweir/millweir/backup"
)

// state is what a customer sees of a job.
type state struct {
	Job    int            `json:"job"`
	Status string         `json:"status"` // running, done or failed
	Counts backup.Counts  `json:"counts"` // so far
	Report *backup.Report `json:"report,omitempty"`
	Error  string         `json:"error,omitempty"`
}

// progress is the progress of a job.
type progress struct {
	mu    sync.Mutex
	state state
}

func (p *progress) set(counts backup.Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Counts = counts
}

func (p *progress) finish(report backup.Report, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.state.Status, p.state.Error = "failed", err.Error()
		return
	}
	p.state.Status, p.state.Report, p.state.Counts = "done", &report, report.Counts
}

func (p *progress) read() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// jobs are the jobs of all customers, one at a time for each.
type jobs struct {
	running sync.WaitGroup
	mu      sync.Mutex
	all     map[string][]*progress
}

func newJobs() *jobs { return &jobs{all: map[string][]*progress{}} }

var (
	errNoJob = errors.New("there is no such job")
	errBusy  = errors.New("another job of this customer is running")
)

// start starts a job and returns its state.
func (j *jobs) start(customer string, do func(*progress) (backup.Report, error)) (state, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	mine := j.all[customer]
	if n := len(mine); n > 0 && mine[n-1].read().Status == "running" {
		return state{}, errBusy
	}
	p := &progress{state: state{Job: len(mine) + 1, Status: "running"}}
	j.all[customer] = append(mine, p)
	j.running.Go(func() {
		var report backup.Report
		err := fmt.Errorf("the job ended early")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			p.finish(report, err)
		}()
		report, err = do(p)
	})
	return p.read(), nil
}

// state returns the state of a job.
func (j *jobs) state(customer string, number int) (state, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	mine := j.all[customer]
	if number < 1 || number > len(mine) {
		return state{}, errNoJob
	}
	return mine[number-1].read(), nil
}

// wait waits for all jobs.
func (j *jobs) wait() { j.running.Wait() }
