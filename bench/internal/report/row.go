package report

import "slices"

// Row is one comparison: a case and a peer, or a case and a limit.
type Row struct {
	Row    string  `json:"row"`
	Peer   string  `json:"peer"`
	Ours   float64 `json:"ours"`   // median
	Theirs float64 `json:"theirs"` // median, or the limit
	Unit   string  `json:"unit"`
	Ratio  float64 `json:"ratio"` // theirs to ours, median of the rounds
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Bar    float64 `json:"bar,omitempty"`  // the required ratio
	Goal   float64 `json:"goal,omitempty"` // the desired ratio
}

// Missed reports whether the ratio is below its bar. NaN, which means that nothing was measured,
// is.
func (r Row) Missed() bool { return r.Bar > 0 && !(r.Ratio >= r.Bar) }

// Rows returns the comparisons of the case: with each peer, with its limits, and with each peer in
// the other metrics.
func (r *Result) Rows() []Row {
	var rows []Row
	for i, p := range r.Peers {
		rows = append(rows, r.row(r.By, p.Name, r.values(r.By, i+1), p.Bar))
	}
	for _, l := range r.Limits {
		by := l.Metric
		if by == "" {
			by = r.By
		}
		bar := Bar{Least: 1}
		if l.Goal > 0 {
			bar.Goal = l.Max / l.Goal
		}
		rows = append(rows, r.row(by, by.limit(l.Max), slices.Repeat([]float64{l.Max}, len(r.samples[0])), bar))
	}
	for _, by := range r.Also {
		for i, p := range r.Peers {
			rows = append(rows, r.row(by, p.Name, r.values(by, i+1), Bar{}))
		}
	}
	return rows
}

// The least values of a measurement and of a difference of two. A ratio to zero would be infinite.
const (
	minValue    = 1e-6
	minOverhead = 1
)

// values returns a metric of a competitor for each round. In the case's metric the base's value is
// subtracted.
func (r *Result) values(by Metric, who int) []float64 {
	vs := make([]float64, len(r.samples[who]))
	for i, s := range r.samples[who] {
		vs[i] = max(by.of(s), minValue)
		if by == r.By && r.baselines[who] != nil {
			vs[i] = max(by.of(s)-by.of(r.baselines[who][i]), minOverhead)
		}
	}
	return vs
}

// row compares ours with theirs, round by round.
func (r *Result) row(by Metric, peer string, theirs []float64, bar Bar) Row {
	ours := r.values(by, 0)
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = theirs[i] / ours[i]
	}
	name := r.Name
	if by != r.By {
		name += "-" + string(by)
	}
	return Row{
		Row: name, Peer: peer, Unit: by.unit(r.Unit),
		Ours: median(ours), Theirs: median(theirs),
		Ratio: median(ratios), Min: slices.Min(ratios), Max: slices.Max(ratios),
		Bar: bar.Least, Goal: bar.Goal,
	}
}

func median(vs []float64) float64 {
	vs = slices.Sorted(slices.Values(vs))
	n := len(vs)
	return (vs[(n-1)/2] + vs[n/2]) / 2
}
