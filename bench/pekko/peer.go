package pekko

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

// Peer is Pekko Streams as a competitor, or the reason why it is absent.
type Peer struct {
	jvm    *JVM
	absent string
}

// StartPeer starts a [JVM]. If that fails, the peer is absent.
func StartPeer(warm time.Duration, input []byte) Peer {
	jvm, err := Start(warm, input)
	switch {
	case errors.Is(err, ErrMissing):
		return Absent(fmt.Sprintf("for %v", err))
	case err != nil:
		return Absent(fmt.Sprintf("which failed: %v", err))
	}
	return Peer{jvm: jvm}
}

// Absent returns a peer that is absent for a reason.
func Absent(why string) Peer { return Peer{absent: "Pekko Streams, " + why} }

// Job is the work of a case in the JVM.
type Job struct {
	Name  string // of the job; empty means the name of the case
	Label string // of the peer in the report; empty means "Pekko Streams"
	Arg   int
	Bar   report.Bar
}

// Join returns c with the peer, or with the reason why it is absent.
func (p Peer) Join(c report.Case, job Job) report.Case {
	name, label := c.Name, "Pekko Streams"
	if job.Name != "" {
		name = job.Name
	}
	if job.Label != "" {
		label = job.Label
	}
	work, ok := p.Work(c, name, job.Arg)
	switch {
	case ok:
		c.Peers = append(c.Peers, report.Peer{Name: label, Work: work, Bar: job.Bar})
	case !slices.Contains(c.Absent, p.absent):
		c.Absent = append(c.Absent, p.absent)
	}
	return c
}

// Work returns the work of a job of that name with the units and the check value of c. It returns
// false if the peer is absent.
func (p Peer) Work(c report.Case, name string, arg int) (report.Work, bool) {
	if p.jvm == nil {
		return nil, false
	}
	return p.jvm.Work(name, c.Units, arg, c.Want), true
}
