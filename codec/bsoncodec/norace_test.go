//go:build !race

package bsoncodec_test

// raced reports whether the race detector is at work.
const raced = false
