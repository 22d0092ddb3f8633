package report

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Suite is a bench command: its cases, and the flags of every bench command.
type Suite struct {
	Command string // as typed: "go run ./bench/cmd/engine"
	// Cases returns the cases. It is called after the flags are parsed.
	Cases func(quick bool) ([]Case, error)
	Quick Options // with -quick
	Full  Options // without
}

// ErrMissed is the error of a suite with a ratio below its bar.
var ErrMissed = errors.New("a bar was missed")

// Main runs the suite with the arguments of the process and exits as [Exit] does. The caller may
// define more flags first.
func (s Suite) Main() { Exit(s.Run(flag.CommandLine, os.Args[1:], os.Stdout, os.Stderr)) }

// Exit ends the process: with status 1 if a ratio is below its bar, and 2 after another error, which it
// prints. It returns if err is nil.
func Exit(err error) {
	switch {
	case err == nil:
	case errors.Is(err, ErrMissed):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// Command runs a program of a benchmark with the arguments of the process, and exits as [Exit] does.
// SIGINT and SIGTERM cancel its context.
func Command(run func(ctx context.Context, args []string, out, log io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	Exit(err)
}

// Run parses args, measures the cases and writes the report to out. With -json, out gets only JSON,
// and the tables go to log.
func (s Suite) Run(flags *flag.FlagSet, args []string, out, log io.Writer) error {
	quick := flags.Bool("quick", false, "measure coarsely, within 40 s")
	asJSON := flags.Bool("json", false, "print one JSON object a line for each row")
	charts := flags.String("svg", "", "draw a chart a case into the folder `DIR`")
	only := flags.String("case", "", "measure the cases whose names match `REGEXP` only")
	rounds := flags.Int("rounds", 0, "measure `N` rounds, at least 1")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := s.Full
	if *quick {
		o = s.Quick
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name == "rounds" { // it was given
			o.Rounds = *rounds
		}
	})
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("report: the argument %q is not a flag, nor the value of one: leave it out, or quote it "+
			"together with the value", flags.Arg(0))
	case o.Rounds < 1:
		return fmt.Errorf("report: -rounds is %d: give at least 1, or leave it out", o.Rounds)
	}
	cases, err := s.selectCases(*only, *quick)
	if err != nil {
		return err
	}
	p := printer{table: out, charts: *charts}
	if *asJSON {
		p.table, p.json = log, json.NewEncoder(out)
	}
	fmt.Fprintln(p.table, s.header(args, o))
	for _, c := range cases {
		r, err := Measure(c, o)
		if err != nil {
			return err
		}
		if err := p.print(r); err != nil {
			return err
		}
	}
	return p.finish()
}

// selectCases returns the cases with names that match only. It is an error if there are none.
func (s Suite) selectCases(only string, quick bool) ([]Case, error) {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("report: -case: %w", err)
	}
	all, err := s.Cases(quick)
	if err != nil {
		return nil, err
	}
	var cases []Case
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		if chosen.MatchString(c.Name) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("report: -case %q matches no case: there are %s", only, strings.Join(names, ", "))
	}
	return cases, nil
}

// header returns the command, the machine and the options, which a reader needs to judge and repeat
// the figures.
func (s Suite) header(args []string, o Options) string {
	h := fmt.Sprintf("%s\n%s %s/%s, %d cores, %s; %d rounds",
		strings.Join(append([]string{s.Command}, args...), " "), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.GOMAXPROCS(0),
		time.Now().Format(time.DateOnly), o.Rounds)
	if o.Target > 0 {
		h += fmt.Sprintf(" of at least %v each", o.Target)
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		h += ", load at the start " + strings.Fields(string(load))[0]
	}
	return h
}

// printer writes results and counts bars.
type printer struct {
	table  io.Writer
	json   *json.Encoder // or nil
	charts string        // folder, or ""

	bars   int
	missed []string
}

func (p *printer) print(r *Result) error {
	if err := r.WriteTable(p.table); err != nil {
		return err
	}
	for _, row := range r.Rows() {
		if row.Bar > 0 {
			p.bars++
		}
		if row.Missed() {
			p.missed = append(p.missed, fmt.Sprintf("%s beside %s: %s × of ≥ %s", row.Row, row.Peer,
				format3(row.Ratio), format3(row.Bar)))
		}
		if p.json != nil {
			if err := p.json.Encode(row); err != nil {
				return err
			}
		}
	}
	if p.charts != "" {
		return r.WriteChart(p.charts)
	}
	return nil
}

func (p *printer) finish() error {
	fmt.Fprintf(p.table, "\n%d of %d bars held\n", p.bars-len(p.missed), p.bars)
	for _, m := range p.missed {
		fmt.Fprintln(p.table, "MISSED", m)
	}
	if len(p.missed) > 0 {
		return ErrMissed
	}
	return nil
}
