package stream

import (
	"encoding/json"
	"errors"
)

// DeadLetter is an element that was skipped.
type DeadLetter[T any] struct {
	Element  T     // unchanged
	Position int64 // index of the element in the run, from 0
	Err      error // the reason
}

// MarshalJSON returns the letter as a JSON object, such as
//
//	{"position":7,"class":"data","error":"not a date","element":"2026-13-01"}
//
// If a [Retry] gave up on the element, "attempts" has the number of its calls.
func (d DeadLetter[T]) MarshalJSON() ([]byte, error) {
	letter := struct {
		Position int64  `json:"position"`
		Class    string `json:"class"`
		Attempts int    `json:"attempts,omitempty"`
		Error    string `json:"error"`
		Element  T      `json:"element"`
	}{Position: d.Position, Class: ClassOf(d.Err).String(), Element: d.Element}
	if d.Err != nil {
		letter.Error = d.Err.Error()
	}
	if g := new(gaveUpError); errors.As(d.Err, &g) {
		letter.Attempts = g.retries + 1
	}
	return json.Marshal(letter)
}
