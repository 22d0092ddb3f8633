// Package lend adapts functions and writers to chunks that are lent: valid only during the call.
package lend

import "io"

// To returns an emit function that writes each chunk to w. w must not keep the chunk.
func To(w io.Writer) func([]byte) error {
	return func(p []byte) error {
		n, err := w.Write(p)
		if err == nil && n != len(p) {
			err = io.ErrShortWrite
		}
		return err
	}
}
