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
	Share  float64        `json:"share"`  // of the work, from 0 to 1
	Counts backup.Counts  `json:"counts"` // so far: what is stored, or proven
	Report *backup.Report `json:"report,omitempty"`
	Error  string         `json:"error,omitempty"`
}

// progress is the progress of a job.
type progress struct {
	events *backup.Events

	mu    sync.Mutex
	state state
}

func (p *progress) finish(report backup.Report, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.events.Close()
	if err != nil {
		p.state.Status, p.state.Error = "failed", err.Error()
		return
	}
	p.state.Status, p.state.Report = "done", &report
}

func (p *progress) read() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state
	newest, _ := p.events.Newest()
	s.Share, s.Counts = newest.Share, newest.Counts
	if s.Report != nil {
		s.Counts = s.Report.Counts
	}
	return s
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
	p := &progress{events: backup.NewEvents(), state: state{Job: len(mine) + 1, Status: "running"}}
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

// find returns the progress of a job.
func (j *jobs) find(customer string, number int) (*progress, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	mine := j.all[customer]
	if number < 1 || number > len(mine) {
		return nil, errNoJob
	}
	return mine[number-1], nil
}

// wait waits for all jobs.
func (j *jobs) wait() { j.running.Wait() }
