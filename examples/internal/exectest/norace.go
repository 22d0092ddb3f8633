//go:build !race

package exectest

// race tells whether the programs are to be built with the race detector, as the test was.
const race = false
