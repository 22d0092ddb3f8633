package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the case as a table: the competitors with their costs, then the limits.
func (r *Result) WriteTable(w io.Writer) error {
	rows := r.Rows()
	fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.About)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	unit := r.By.unit(r.Unit)
	if r.subtracts() {
		unit = "overhead, " + unit
	}
	columns := []Metric{CPU, Wall, Allocs}
	if len(r.Also) > 0 {
		columns = r.Also
	}
	fmt.Fprintf(t, "\t%s\t", unit)
	for _, by := range columns {
		fmt.Fprintf(t, "%s\t", by)
	}
	fmt.Fprint(t, "ratio\tmin – max\tbar\t\t\n")
	for who, p := range r.competitors() {
		fmt.Fprintf(t, "%s\t%s\t", p.Name, format3(median(r.values(r.By, who))))
		for _, by := range columns {
			fmt.Fprintf(t, "%s\t", format3(median(r.raw(by, who))))
		}
		if who > 0 {
			fmt.Fprintln(t, rows[who-1].compared())
		} else {
			fmt.Fprintln(t, "\t\t\t\t")
		}
	}
	for _, row := range rows[len(r.Peers):][:len(r.Limits)] {
		name := strings.TrimPrefix(strings.TrimPrefix(row.Row, r.Name), "-")
		fmt.Fprintf(t, "%s, %s\t%s\t%s%s\n", strings.TrimSpace("ours "+name), row.Peer, format3(row.Ours),
			strings.Repeat("\t", len(columns)), row.compared())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, absent := range r.Absent {
		fmt.Fprintf(w, "  left out: %s\n", absent)
	}
	return nil
}

// subtracts reports whether the case measures overhead.
func (r *Result) subtracts() bool { return len(r.baselines[0]) > 0 }

// raw returns a metric of a competitor for each round, without subtracting its base.
func (r *Result) raw(by Metric, who int) []float64 {
	vs := make([]float64, len(r.samples[who]))
	for i, s := range r.samples[who] {
		vs[i] = by.of(s)
	}
	return vs
}

// compared returns the cells with the ratio, its range, its bar and the verdict.
func (r Row) compared() string {
	bar, verdict := "", ""
	if r.Bar > 0 {
		bar, verdict = "≥ "+format3(r.Bar), "ok"
		switch {
		case r.Missed():
			verdict = "MISSED"
		case r.Goal > 0 && r.Ratio >= r.Goal:
			verdict = "goal"
		case r.Goal > 0:
			verdict = "ok, goal missed"
		}
	}
	return fmt.Sprintf("%s ×\t%s – %s\t%s\t%s\t", format3(r.Ratio), format3(r.Min), format3(r.Max), bar, verdict)
}

// format3 formats v with three significant digits, or all digits before the point if there are
// more. A negative v means unknown.
func format3(v float64) string {
	switch {
	case v < 0:
		return "?"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.01:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 0.0005:
		return "0"
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}
