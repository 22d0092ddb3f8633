package ending_test

import (
	"errors"
	"testing"

	"github.com/millweir/millweir/internal/ending"
)

// list is an error of a type that cannot be compared.
type list []string

func (list) Error() string { return "a list" }

// holder can be compared, says its type, and cannot if it holds a list.
type holder struct{ error }

// Errors that cannot be compared do not panic, and come through Add whole.
func TestUncomparableErrors(t *testing.T) {
	for name, err := range map[string]error{"list": list{"a"}, "holder": holder{list{"a"}}} {
		if ending.Is(errors.Join(errOwn, err), err) || ending.Same(err, err) {
			t.Errorf("%s: was compared", name)
		}
		for _, got := range []error{
			ending.Add(err, err, noEcho), ending.Add(errCause, errors.Join(err, errOwn), noEcho),
			ending.Prune(errors.Join(err, errOwn), noEcho), ending.Cause(t.Context(), err),
		} {
			if got == nil || !errors.As(got, new(list)) && !errors.As(got, new(holder)) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
	if !ending.Is(holder{errOwn}, holder{errOwn}) || !ending.Same(errOwn, errOwn) || ending.Same(errOwn, nil) {
		t.Error("errors that can be compared are not")
	}
}

func noEcho(error) bool { return false }
