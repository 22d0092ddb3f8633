//go:build !race

package exectest

// race reports whether this test was built with the race detector. The programs are built like it.
const race = false
