//go:build !unix

package main

import "os"

// peakRSS is known on Unix systems only.
func peakRSS(*os.ProcessState) int64 { return 0 }
