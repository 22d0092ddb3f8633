//go:build race

package codec_test

// raced reports whether the race detector is on.
const raced = true
