package goroutines

import (
	"cmp"
	"slices"
	"strings"
)

// kind identifies goroutines.
type kind struct{ stage, root string }

// counts holds the number of goroutines of each kind at one time.
type counts map[kind]int

// Share is the part of the CPU time that the goroutines of one kind used.
type Share struct {
	Stage string  // the label, or "" for a goroutine without one
	Root  string  // the function that the goroutines began with, or [Runtime]
	Count int     // the largest number of them at the same time
	Part  float64 // of the CPU time, 0 to 1
}

// Runtime is the root of the garbage collector and of the scheduler. They run on all cores.
const Runtime = "the Go runtime"

// kind returns the kind of the sample's goroutine.
func (s sample) kind() kind {
	root := ""
	for _, f := range slices.Backward(s.stack) {
		if !starter(f) {
			root = f
			break
		}
	}
	if root == "" || strings.HasPrefix(root, "runtime.") && !slices.Contains(s.stack, "main.main") {
		return kind{root: Runtime}
	}
	return kind{s.label, root}
}

// starter reports whether a function only starts the functions of other packages.
func starter(function string) bool {
	return function == "runtime.main" || function == "runtime.goexit" ||
		strings.HasPrefix(function, "sync.(*WaitGroup).Go.") || strings.Contains(function, "stream.(*Group).Go.")
}

// shares returns the share of each kind, the largest first.
func shares(samples []sample, most counts) []Share {
	total, by := 0.0, map[kind]float64{}
	for _, s := range samples {
		k := s.kind()
		if strings.Contains(k.root, "goroutines.Record.") { // counts goroutines
			continue
		}
		total += float64(s.value)
		by[k] += float64(s.value)
	}
	var all []Share
	for k, v := range by {
		all = append(all, Share{k.stage, short(k.root), max(1, most[k]), v / total})
	}
	slices.SortFunc(all, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Stage+a.Root, b.Stage+b.Root))
	})
	return all
}

// short returns a function's name without type arguments and without the folders of its package.
func short(function string) string {
	depth := 0
	name := strings.Map(func(r rune) rune {
		switch {
		case r == '[':
			depth++
			return -1
		case r == ']':
			depth--
			return -1
		case depth > 0:
			return -1
		}
		return r
	}, function)
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Busiest returns the largest part of the CPU time that one goroutine used. Goroutines of the same
// kind share their part evenly, as they do on more cores.
func Busiest(all []Share) (part float64) {
	for _, s := range all {
		if s.Root != Runtime && s.Count == 1 {
			part = max(part, s.Part)
		}
	}
	return part
}

// Ceiling returns how many times faster than one core a pipeline can be on several cores, if one
// goroutine uses at most part of its CPU time: on any number of cores it takes as long as that
// goroutine.
func Ceiling(part float64, cores int) float64 {
	if part*float64(cores) <= 1 {
		return float64(cores)
	}
	return 1 / part
}
