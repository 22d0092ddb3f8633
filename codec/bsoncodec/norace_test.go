//go:build !race

package bsoncodec_test

// raced is set if the race detector is active.
const raced = false
