package rusage_test

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/rusage"
)

// The CPU time must grow by a millisecond, however busy the machine is.
func TestCPU(t *testing.T) {
	before, err := rusage.CPU()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system does not report the CPU time of a process")
	}
	if err != nil {
		t.Fatal(err)
	}
	for rusage.MustCPU()-before < time.Millisecond {
	}
}

// TestPeakRSS runs this test again as a child that touches 64 MiB.
func TestPeakRSS(t *testing.T) {
	const size = 64 << 20
	if os.Getenv("RUSAGE_TEST_CHILD") != "" {
		b := make([]byte, size)
		for i := 0; i < size; i += 1 << 10 {
			b[i] = 1
		}
		runtime.KeepAlive(b)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestPeakRSS$")
	child.Env = append(os.Environ(), "RUSAGE_TEST_CHILD=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	switch got := rusage.PeakRSS(child.ProcessState); {
	case got == 0:
		t.Skip("this system does not report the peak memory of a process")
	case got < size || got > 100*size:
		t.Errorf("a process that touched %d bytes had %d at its peak", size, got)
	}
}
