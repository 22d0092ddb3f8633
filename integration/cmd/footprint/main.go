// Command footprint measures the peak memory and CPU time of millweir backup and millweir
// restore, for collections of several sizes, from secantusd-rs to versitygw and back. It starts
// both servers itself:
//
//	PATH="$(.ci/servers):$PATH" go run ./integration/cmd/footprint
//
// It prints a table, and fails if the peak memory grows with the size of the data.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millweir/millweir/integration/servers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	fs := flag.NewFlagSet("footprint", flag.ContinueOnError)
	sizes := fs.String("sizes", "50,500", "MB of BSON in the collections, from the smallest on")
	grow := fs.Float64("grow", 1.2, "how much larger than for the first size the peak for another may be; 0: not "+
		"checked")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var megabytes []int
	for _, text := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return fmt.Errorf("-sizes %q: want whole numbers", *sizes)
		}
		megabytes = append(megabytes, n)
	}
	programs, err := build(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(programs)

	var rows []row
	err = servers.Command(ctx, "footprint", func(t testing.TB) {
		w := newWorld(t, programs)
		for _, mb := range megabytes {
			rows = append(rows, w.measure(t, mb)...)
		}
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d CPUs, %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().Format(time.DateOnly))
	print(rows)
	return constant(rows, *grow)
}

// row is one run of a program.
type row struct {
	program   string
	documents int64
	bson      int64 // bytes
	stored    int64 // bytes
	usage
}

func print(rows []row) {
	const format = "%-8s %9s %10s %9s %9s %8s %9s %8s %7s\n"
	fmt.Printf(format, "", "BSON", "documents", "stored", "peak RSS", "CPU", "CPU s/GB", "wall", "MB/s")
	for _, r := range rows {
		mb := float64(r.bson) / 1e6
		fmt.Printf(format, r.program, fmt.Sprintf("%.0f MB", mb), fmt.Sprint(r.documents),
			fmt.Sprintf("%.0f MB", float64(r.stored)/1e6),
			fmt.Sprintf("%.0f MiB", float64(r.peak)/(1<<20)), fmt.Sprintf("%.2f s", r.cpu.Seconds()),
			fmt.Sprintf("%.1f", r.cpu.Seconds()/mb*1000),
			fmt.Sprintf("%.1f s", r.wall.Seconds()), fmt.Sprintf("%.0f", mb/r.wall.Seconds()))
	}
}

// constant returns an error if a program's peak has grown to more than grow times its first.
func constant(rows []row, grow float64) error {
	first := map[string]int64{}
	for _, r := range rows {
		base, ok := first[r.program]
		if !ok {
			first[r.program] = r.peak
			continue
		}
		if ratio := float64(r.peak) / float64(base); grow > 0 && ratio > grow {
			return fmt.Errorf("the peak of %s has grown %.2f times, to %d MiB", r.program, ratio, r.peak>>20)
		}
	}
	return nil
}
