// Package lend turns a writer that gets chunks lent into an emit.
package lend

import "io"

// To returns an emit that writes each chunk to w, which must not keep it.
func To(w io.Writer) func([]byte) error {
	return func(p []byte) error {
		n, err := w.Write(p)
		if err == nil && n != len(p) {
			err = io.ErrShortWrite
		}
		return err
	}
}
