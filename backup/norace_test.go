//go:build !race

package backup

// raced reports whether the race detector is on.
const raced = false
