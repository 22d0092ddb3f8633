package goroutines

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// kind identifies goroutines by the stage label and the function that they began with.
type kind struct{ began, root string }

// counts holds the number of goroutines of each kind at one time.
type counts map[kind]int

// Share is the part of the CPU time that the goroutines of one kind used.
type Share struct {
	Stage string  // the stages that they ran, the busiest first, or "" for goroutines without one
	Root  string  // the function that the goroutines began with, or [Runtime]
	Count int     // the largest number of them at the same time
	Part  float64 // of the CPU time, 0 to 1
}

// Runtime is the root of the garbage collector and of the scheduler. They run on all cores.
const Runtime = "the Go runtime"

// kind returns the kind of the sample's goroutine.
func (s sample) kind() kind {
	root := rootOf(s.stack)
	if s.root != "" && (root == coroutine || slices.ContainsFunc(s.stack, isLabelled)) {
		return kind{s.began, s.root}
	}
	if root == "" || strings.HasPrefix(root, "runtime.") && root != coroutine {
		return kind{root: Runtime}
	}
	return kind{s.stage, root}
}

// coroutine is the root of a coroutine of iter.Pull. It runs only while the goroutine that started it
// waits, and with that goroutine's labels. So it counts as a part of it.
const coroutine = "runtime.corostart"

// rootOf returns the short name of the function that a goroutine began with, or "".
func rootOf(stack []string) string {
	for _, f := range slices.Backward(stack) {
		if !starter(f) {
			return short(f)
		}
	}
	return ""
}

// isLabelled reports whether function is [labelled]. A goroutine that is not in it has the labels of
// the goroutine that started it.
func isLabelled(function string) bool { return strings.HasSuffix(function, "/goroutines.labelled") }

// starter reports whether a function only starts the functions of other packages.
func starter(function string) bool {
	return function == "runtime.main" || function == "runtime.goexit" ||
		strings.HasPrefix(function, "sync.(*WaitGroup).Go.") || strings.Contains(function, "stream.(*Group).Go.")
}

// shares returns the share of each kind, the largest first.
func shares(samples []sample, most counts) []Share {
	total, by := 0.0, map[kind]stages{}
	for _, s := range samples {
		k := s.kind()
		if strings.Contains(k.root, "goroutines.Record.") { // counts goroutines
			continue
		}
		total += float64(s.value)
		if by[k] == nil {
			by[k] = stages{}
		}
		by[k][s.stage] += float64(s.value)
	}
	var all []Share
	for k, v := range by {
		all = append(all, Share{v.names(), k.root, max(1, most[k]), v.sum() / total})
	}
	slices.SortFunc(all, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Stage+a.Root, b.Stage+b.Root))
	})
	return all
}

// stages holds the CPU time that the goroutines of one kind used in each stage.
type stages map[string]float64

func (s stages) sum() (all float64) {
	for _, v := range s {
		all += v
	}
	return all
}

// names lists the stages, the busiest first.
func (s stages) names() string {
	names := slices.SortedFunc(maps.Keys(s), func(a, b string) int {
		return cmp.Or(cmp.Compare(s[b], s[a]), cmp.Compare(a, b))
	})
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	return strings.Join(names, ", ")
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

// Ceiling returns how many times faster a pipeline can be on many cores than on one, if one
// goroutine uses at most part of its CPU time. The pipeline takes at least as long as that
// goroutine.
func Ceiling(part float64, cores int) float64 {
	if part*float64(cores) <= 1 {
		return float64(cores)
	}
	return 1 / part
}
