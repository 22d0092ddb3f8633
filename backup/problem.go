package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Problem is something that a verification found.
type Problem struct {
	Database   string `json:"database"`
	Collection string `json:"collection"`
	Object     string `json:"object"` // its key
	Offset     int64  `json:"offset"` // of the segment in the object
	Reason     string `json:"reason"` // missing, short, damaged, unreadable, or refused by a server in a drill

	// Detail is the error in words. A proof does not have it.
	Detail string `json:"detail,omitempty"`
}

// The reasons of problems.
const (
	reasonMissing    = "missing"
	reasonShort      = "short"
	reasonDamaged    = "damaged"
	reasonUnreadable = "unreadable"
	reasonRefused    = "refused"
)

// problem describes what is wrong with the bytes of an object from an offset on.
func (c *CollectionEntry) problem(object string, offset int64, reason string, err error) Problem {
	return Problem{c.Database, c.Collection, object, offset, reason, printable.Text(err.Error())}
}

// isProblem reports whether err says something about what the repository has. Otherwise the
// verification cannot go on.
func isProblem(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, ErrNoKey) || errors.Is(err, ErrShredded) {
		return false
	}
	switch stream.ClassOf(err) {
	case stream.Retryable, stream.Throttled, stream.Canceled:
		return false
	}
	return true
}

// reasonOf returns the reason that err is.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, ErrNotFound):
		return reasonMissing
	case stream.ClassOf(err) == stream.Data, errors.Is(err, agecodec.ErrNoMatch):
		return reasonDamaged
	}
	return reasonUnreadable
}

// problems is a list of limited length.
type problems struct {
	List []Problem `json:"list,omitempty"`
	More int64     `json:"more,omitempty"` // that are not in the list
}

// Limits of problems.
const (
	maxUnitProblems = 20
	maxProblems     = 1000
)

func (p *problems) add(limit int, found Problem) {
	if len(p.List) >= limit {
		p.More++
		return
	}
	p.List = append(p.List, found)
}

// DamageError lists what a verification found. It matches [ErrDamaged]. Its class is Data.
type DamageError struct {
	Run      string
	Problems []Problem // at most 1,000
	Total    int64     // of the problems, listed or not
}

// Error names the first problem and the number of others.
func (e *DamageError) Error() string {
	if len(e.Problems) == 0 {
		return "backup: verify: " + ErrDamaged.Error()
	}
	first := e.Problems[0]
	more := ""
	if e.Total > 1 {
		more = fmt.Sprintf(", and %d more problems", e.Total-1)
	}
	ns := mongosource.Namespace{Database: first.Database, Collection: first.Collection}
	return fmt.Sprintf("backup: verify %s: %s of %s is %s: %s%s", e.Run, first.Object,
		printable.Quote(ns.String()), first.Reason, first.Detail, more)
}

// Is reports whether target is [ErrDamaged].
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// Class returns Data.
func (e *DamageError) Class() stream.Class { return stream.Data }
