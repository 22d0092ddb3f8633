package streamtest

import (
	"bytes"
	"fmt"
	"reflect"
)

// differ describes how a complete output differs from the expected one, or returns "" if they are
// equal.
func (s *suite[I, O]) differ(got, want []O) string {
	switch {
	case s.varies:
		return ""
	case s.view != nil:
		g, w := s.view(cloneAll(got)), s.view(cloneAll(want))
		if !reflect.DeepEqual(g, w) {
			return fmt.Sprintf("View of the output is %s, not %s", short(g), short(w))
		}
		return ""
	case s.cutOut:
		g, w := join(got), join(want)
		if !bytes.Equal(g, w) {
			return fmt.Sprintf("the output's %d bytes differ from the expected %d at byte %d",
				len(g), len(w), common(g, w))
		}
		return ""
	case s.unordered:
		if len(got) != len(want) || !within(got, want) {
			return fmt.Sprintf("the output is %s, expected in any order %s", short(got), short(want))
		}
		return ""
	}
	if len(got) != len(want) {
		return fmt.Sprintf("the output has %d elements, not %d: %s", len(got), len(want), short(got))
	}
	return s.stray(got, want)
}

// stray describes how the output of an incomplete run differs from a prefix of the complete output,
// or returns "" if it is one.
func (s *suite[I, O]) stray(got, want []O) string {
	switch {
	case s.varies || s.view != nil || s.restarts:
		return ""
	case s.cutOut:
		g, w := join(got), join(want)
		if !bytes.HasPrefix(w, g) {
			return fmt.Sprintf(
				"the output's %d bytes are not the beginning of the complete output: they differ at byte %d",
				len(g), common(g, w))
		}
		return ""
	case s.unordered:
		if !within(got, want) {
			return fmt.Sprintf("the output %s is not part of the complete one, %s", short(got), short(want))
		}
		return ""
	}
	for i, v := range got {
		if i >= len(want) || !reflect.DeepEqual(v, want[i]) {
			if i >= len(want) {
				return fmt.Sprintf("element %d is %s, where the complete output has ended", i, short(v))
			}
			return fmt.Sprintf("element %d is %s, not %s", i, short(v), short(want[i]))
		}
	}
	return ""
}

// within reports whether all contains every element of part.
func within[T any](part, all []T) bool {
	used := make([]bool, len(all))
next:
	for _, v := range part {
		for i, w := range all {
			if !used[i] && reflect.DeepEqual(v, w) {
				used[i] = true
				continue next
			}
		}
		return false
	}
	return true
}

// common returns the length of the common prefix.
func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// short formats a value for a message.
func short(v any) string {
	text := fmt.Sprintf("%v", v)
	if r := reflect.ValueOf(v); r.IsValid() && r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8 {
		text = fmt.Sprintf("%q", v)
	}
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}
