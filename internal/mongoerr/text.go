package mongoerr

import "github.com/millweir/millweir/internal/printable"

// Bound returns err with its text passed through [printable.Text]. errors.As still finds the
// wrapped errors.
func Bound(err error) error {
	if err == nil {
		return nil
	}
	whole := err.Error()
	if text := printable.Text(whole); text != whole {
		return &bounded{text, err}
	}
	return err
}

type bounded struct {
	text string
	err  error
}

func (e *bounded) Error() string { return e.text }
func (e *bounded) Unwrap() error { return e.err }
