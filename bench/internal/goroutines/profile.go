package goroutines

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
)

// sample is one row of a profile.
type sample struct {
	stack []string // function names, the innermost first
	value uint64   // the last one: nanoseconds, or goroutines

	stage, began, root string // labels
}

// The fields of a profile that are read
// (https://github.com/google/pprof/blob/main/proto/profile.proto).
const (
	profileSample, profileLocation, profileFunction, profileString = 2, 4, 5, 6

	sampleLocation, sampleValue, sampleLabel = 1, 2, 3
	labelName, labelText                     = 1, 2
	locationID, locationLine                 = 1, 4
	lineFunction                             = 1
	functionID, functionName                 = 1, 2
)

var errProfile = errors.New("goroutines: malformed profile")

// parse reads a profile of runtime/pprof.
func parse(r io.Reader) ([]sample, error) {
	unpacked, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, err
	}
	var samples []message
	var texts []string
	functions, locations := map[uint64]uint64{}, map[uint64][]uint64{} // names of functions, functions of locations
	err = message(data).each(func(field, _ uint64, inner message) error {
		switch field {
		case profileSample:
			samples = append(samples, inner)
		case profileString:
			texts = append(texts, string(inner))
		case profileFunction:
			functions[inner.number(functionID)] = inner.number(functionName)
		case profileLocation:
			id := inner.number(locationID)
			return inner.each(func(field, _ uint64, line message) error {
				if field == locationLine {
					locations[id] = append(locations[id], line.number(lineFunction))
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	text := func(i uint64) string {
		if i >= uint64(len(texts)) {
			return ""
		}
		return texts[i]
	}
	var all []sample
	for _, m := range samples {
		var s sample
		err := m.each(func(field, n uint64, inner message) error {
			switch field {
			case sampleLocation:
				return inner.numbers(n, func(id uint64) {
					for _, f := range locations[id] {
						s.stack = append(s.stack, text(functions[f]))
					}
				})
			case sampleValue:
				return inner.numbers(n, func(v uint64) { s.value = v })
			case sampleLabel:
				switch value := text(inner.number(labelText)); text(inner.number(labelName)) {
				case stageKey:
					s.stage = value
				case beganKey:
					s.began = value
				case rootKey:
					s.root = value
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// message is an encoded protocol buffer (https://protobuf.dev/programming-guides/encoding).
type message []byte

// each calls f for each field, with its number or its content. The content of a number is nil.
func (m message) each(f func(field, number uint64, inner message) error) error {
	for len(m) > 0 {
		tag, ok := m.varint()
		if !ok {
			return errProfile
		}
		n, ok := m.varint()
		if !ok {
			return errProfile
		}
		var inner message
		switch tag & 7 {
		case 0:
		case 2:
			if n > uint64(len(m)) {
				return errProfile
			}
			inner, m = m[:n:n], m[n:]
		default:
			return errProfile
		}
		if err := f(tag>>3, n, inner); err != nil {
			return err
		}
	}
	return nil
}

// number returns the number in a field, or 0.
func (m message) number(field uint64) (n uint64) {
	_ = m.each(func(f, v uint64, _ message) error {
		if f == field {
			n = v
		}
		return nil
	})
	return n
}

// numbers calls f for each number of a repeated field: n, or those that are packed in m.
func (m message) numbers(n uint64, f func(uint64)) error {
	if m == nil {
		f(n)
		return nil
	}
	for len(m) > 0 {
		n, ok := m.varint()
		if !ok {
			return errProfile
		}
		f(n)
	}
	return nil
}

func (m *message) varint() (uint64, bool) {
	v, n := binary.Uvarint(*m)
	if n <= 0 {
		return 0, false
	}
	*m = (*m)[n:]
	return v, true
}
