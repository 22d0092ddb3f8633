package report

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/millweir/millweir/internal/rusage"
)

// Options set the effort of a measurement.
type Options struct {
	Rounds int           // at least 1
	Target time.Duration // minimum duration of one measurement
}

// Result has the samples of a case. The first competitor is ours; the peers follow.
type Result struct {
	Case
	samples   [][]Sample // by competitor and round
	baselines [][]Sample // of the peers' bases; empty without a base
}

// Measure runs each competitor of c a few times, to warm up and to find how many runs fill the
// target time. Then it measures round by round.
func Measure(c Case, o Options) (*Result, error) {
	if c.By == "" {
		c.By = CPU
	}
	r := &Result{Case: c}
	var runners []*runner
	for _, p := range r.competitors() {
		run, err := prepare(c, p, o.Target)
		if err != nil {
			return nil, err
		}
		runners = append(runners, run)
	}
	r.samples, r.baselines = make([][]Sample, len(runners)), make([][]Sample, len(runners))
	rounds := o.Rounds
	if c.Rounds > 0 {
		rounds = c.Rounds
	}
	for round := range rounds {
		for turn := range runners {
			i := (turn + round) % len(runners) // the order rotates from round to round
			if err := r.measure(i, runners[i]); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func (r *Result) competitors() []Peer { return append([]Peer{r.Ours}, r.Peers...) }

func (r *Result) measure(who int, run *runner) error {
	if run.base != nil {
		s, err := run.base.run()
		if err != nil {
			return err
		}
		r.baselines[who] = append(r.baselines[who], s)
	}
	s, err := run.run()
	r.samples[who] = append(r.samples[who], s)
	return err
}

// runner is a competitor with its number of runs in one measurement.
type runner struct {
	name string // of case and peer
	work Work
	reps int
	base *runner
}

func prepare(c Case, p Peer, target time.Duration) (*runner, error) {
	r := &runner{name: c.Name + ": " + p.Name, work: p.Work, reps: 1}
	if r.work == nil {
		r.work = inProcess(c.Units, c.Want, p.Run)
	}
	if p.Base != nil {
		var err error
		if r.base, err = prepare(c, *p.Base, target); err != nil {
			return nil, err
		}
	}
	for range warmUps(c) {
		s, err := r.run()
		if err != nil {
			return nil, err
		}
		if s.Wall >= target {
			break
		}
		// At most 30 times as many: the first runs are slow.
		r.reps = min(30*r.reps, int(1.1*float64(r.reps)*float64(target)/float64(max(s.Wall, 1)))+1)
	}
	return r, nil
}

// warmUps returns the maximum number of runs of a competitor before its first measurement.
func warmUps(c Case) int {
	if c.Cold {
		return 0
	}
	return 4
}

func (r *runner) run() (Sample, error) {
	s, err := r.work(r.reps)
	if err == nil && s.Units <= 0 {
		err = errors.New("no work was done")
	}
	if err != nil {
		return s, fmt.Errorf("report: %s: %w", r.name, err)
	}
	return s, nil
}

// inProcess returns work that runs in this process.
func inProcess(units int, want int64, run func() (int64, error)) Work {
	return func(reps int) (s Sample, err error) {
		var before, after runtime.MemStats
		runtime.GC() // so that this run does not pay for earlier garbage
		runtime.ReadMemStats(&before)
		cpu, err := rusage.CPU()
		if err != nil {
			return s, err
		}
		began := time.Now()
		for range reps {
			got, err := run()
			if err == nil && got != want {
				err = fmt.Errorf("the check value is %d, not %d", got, want)
			}
			if err != nil {
				return s, err
			}
		}
		s.Wall = time.Since(began)
		used, err := rusage.CPU()
		runtime.ReadMemStats(&after)
		s.CPU, s.Units, s.Allocs = used-cpu, reps*units, int64(after.Mallocs-before.Mallocs)
		return s, err
	}
}
