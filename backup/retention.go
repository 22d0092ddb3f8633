package backup

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Retention says which backups are kept. A backup that any of the rules names is kept. The zero value
// keeps every backup.
type Retention struct {
	Last    int // the newest n
	Daily   int // the newest of each of the last n days that have one
	Weekly  int // the newest of each of the last n weeks (ISO 8601: from Monday) that have one
	Monthly int // the newest of each of the last n months that have one
	Yearly  int // the newest of each of the last n years that have one

	Within time.Duration // all that began at most so long ago

	// AtLeast is how many are kept whatever the other rules say; the newest. 0 means 1.
	AtLeast int

	// Location is where days, weeks, months and years begin. nil means UTC.
	Location *time.Location
}

// keepsAll reports whether there is no rule.
func (p *Retention) keepsAll() bool {
	return p.Last == 0 && p.Daily == 0 && p.Weekly == 0 && p.Monthly == 0 && p.Yearly == 0 && p.Within == 0
}

// check returns an error if a number is negative.
func (p *Retention) check() error {
	if min(p.Last, p.Daily, p.Weekly, p.Monthly, p.Yearly, p.AtLeast) < 0 || p.Within < 0 {
		return fatal("the retention has a negative number")
	}
	return nil
}

// Kept says which rules keep a backup. No rule means that it can be deleted.
type Kept struct {
	Run   string   `json:"run"`
	Rules []string `json:"rules,omitempty"` // such as "daily 2026-11-29"
}

// Apply says for each backup which rules keep it, the newest first. A backup counts for the day on which
// it began.
func (p *Retention) Apply(backups []Manifest, now time.Time) []Kept {
	newest := slices.SortedFunc(slices.Values(backups), func(a, b Manifest) int { return cmp.Compare(b.Run, a.Run) })
	rules := p.rules(now)
	all := make([]Kept, len(newest))
	for i := range newest {
		all[i].Run = newest[i].Run
		for _, rule := range rules {
			if text := rule(i, newest[i].Began); text != "" {
				all[i].Rules = append(all[i].Rules, text)
			}
		}
	}
	return all
}

// rule returns the text of a rule if it keeps the n-th backup, and "" otherwise. Backups are shown to it
// from the newest to the oldest.
type rule func(n int, began time.Time) string

func (p *Retention) rules(now time.Time) []rule {
	if p.keepsAll() {
		return []rule{func(int, time.Time) string { return "no rule" }}
	}
	where := p.Location
	if where == nil {
		where = time.UTC
	}
	return []rule{
		func(n int, _ time.Time) string {
			return when(n < cmp.Or(p.AtLeast, 1), "at least %d", cmp.Or(p.AtLeast, 1))
		},
		func(n int, _ time.Time) string { return when(n < p.Last, "last %d", p.Last) },
		func(_ int, began time.Time) string {
			return when(p.Within > 0 && !began.Before(now.Add(-p.Within)), "within %v", p.Within)
		},
		newestOf(p.Daily, "daily", where, func(t time.Time) string { return t.Format(time.DateOnly) }),
		newestOf(p.Weekly, "weekly", where, week),
		newestOf(p.Monthly, "monthly", where, func(t time.Time) string { return t.Format("2006-01") }),
		newestOf(p.Yearly, "yearly", where, func(t time.Time) string { return t.Format("2006") }),
	}
}

func week(t time.Time) string {
	year, n := t.ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, n)
}

// newestOf returns the rule that keeps the newest backup of each of the last n periods that have one.
func newestOf(n int, name string, where *time.Location, period func(time.Time) string) rule {
	seen := map[string]bool{}
	return func(_ int, began time.Time) string {
		this := period(began.In(where))
		if seen[this] || len(seen) >= n {
			return ""
		}
		seen[this] = true
		return name + " " + this
	}
}

// when returns a text if ok, and "" otherwise.
func when(ok bool, format string, args ...any) string {
	if !ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
