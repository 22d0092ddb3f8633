package agecodec

import "io"

// lend returns an emit that writes each chunk to w, which must not keep it.
func lend(w io.Writer) func([]byte) error {
	return func(p []byte) error {
		n, err := w.Write(p)
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		return err
	}
}
