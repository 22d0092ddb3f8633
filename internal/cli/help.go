package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// Help is what -h prints around the flags.
type Help struct {
	Synopsis string // what the program does, its usage and an example
	Notes    string // after the flags: limitations, exit codes
}

// Flags is a flag set with groups, as -h lists them.
type Flags struct {
	*flag.FlagSet
	groups []group
}

type group struct {
	title string
	names []string
}

// Flags returns the program's empty set of flags.
func (p *Program) Flags() *Flags {
	fs := &Flags{FlagSet: flag.NewFlagSet(p.Name, flag.ContinueOnError)}
	fs.SetOutput(io.Discard) // an error is reported once, at the end
	return fs
}

// Group begins a group: -h lists the flags that are added next under title.
func (f *Flags) Group(title string) {
	f.closeGroup()
	f.groups = append(f.groups, group{title: title})
}

// closeGroup adds the flags that have no group to the last group.
func (f *Flags) closeGroup() {
	f.VisitAll(func(one *flag.Flag) {
		if !slices.ContainsFunc(f.groups, func(g group) bool { return slices.Contains(g.names, one.Name) }) {
			last := &f.groups[len(f.groups)-1]
			last.names = append(last.names, one.Name)
		}
	})
}

// Parse adds the flags that every program has to fs, and parses args. For -h and -version it prints
// to standard output and returns [flag.ErrHelp].
func (p *Program) Parse(fs *Flags, args []string, help Help) error {
	fs.Group("Messages")
	fs.BoolVar(&p.JSON, "json-log", false, "write messages as JSON, one object a line, for machines")
	fs.BoolVar(&p.Debug, "debug", false, "if the program has a defect (exit code 4), print where, for a report of it")
	version := fs.Bool("version", false, "print the version and end")
	fs.Bool("h", false, "print this and end")
	fs.closeGroup()
	// An error before -json-log in args must be reported as JSON as well.
	p.JSON = slices.ContainsFunc(args, func(a string) bool { return a == "-json-log" || a == "--json-log" })
	err := fs.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp), err == nil && fs.Lookup("h").Value.String() == "true":
		fs.print(os.Stdout, help)
		return flag.ErrHelp
	case err != nil:
		return Usagef("%s", Foreign(strings.Replace(err.Error(), ": parse error", ": want a whole number", 1)))
	case *version:
		fmt.Println(p.version())
		return flag.ErrHelp
	case fs.NArg() > 0: // not quoted: it may be a password without its flag
		return Usagef("%d argument(s) without a flag after the flags: every setting has a flag of its own", fs.NArg())
	}
	return nil
}

// print writes the help.
func (f *Flags) print(w io.Writer, help Help) {
	fmt.Fprintln(w, strings.TrimSpace(help.Synopsis))
	for _, g := range f.groups {
		fmt.Fprintf(w, "\n%s:\n", g.title)
		for _, name := range g.names {
			one := f.Lookup(name)
			value, usage := flag.UnquoteUsage(one)
			if value != "" {
				name += " " + value
			}
			if plain := one.DefValue; plain != "" && plain != "false" && plain != "0" {
				usage += " (default " + plain + ")"
			}
			fmt.Fprintf(w, "  -%s\n        %s\n", name, usage)
		}
	}
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(help.Notes))
}

// version returns the program's name, and the versions of its module, of millweir and of Go.
func (p *Program) version() string {
	own, library := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			own = info.Main.Version
		}
		for _, m := range info.Deps {
			if m.Path == "github.com/millweir/millweir" {
				library = ", millweir " + m.Version
			}
		}
	}
	return p.Name + " " + own + library + ", " + runtime.Version()
}
