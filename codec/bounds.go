package codec

import "errors"

const (
	// defaultBytes is what MaxBytes means when it is zero: as much as the largest files of common file systems.
	defaultBytes = 16 << 40
	// defaultRatio is what MaxRatio means when it is zero.
	defaultRatio = 500
	// ratioFloor is how many decoded bytes pass before their ratio to the encoded ones is looked at.
	ratioFloor = 256 << 20
)

var errNegative = errors.New("a limit is negative")

// bounds are the limits of a decoder.
type bounds struct {
	bytes int64 // decoded bytes in all; 0 means no limit
	ratio int64 // decoded bytes for each encoded one; 0 means no limit
}

// newBounds makes bounds of the options MaxBytes and MaxRatio.
func newBounds(bytes, ratio int64) (bounds, error) {
	if bytes < -1 || ratio < -1 {
		return bounds{}, errNegative
	}
	switch bytes {
	case 0:
		bytes = defaultBytes
	case -1:
		bytes = 0
	}
	switch ratio {
	case 0:
		ratio = defaultRatio
	case -1:
		ratio = 0
	}
	return bounds{bytes: bytes, ratio: ratio}, nil
}

// check says whether out decoded bytes from in encoded ones pass a limit.
func (b bounds) check(out, in int64) error {
	if b.bytes > 0 && out > b.bytes {
		return &LimitError{Limit: "MaxBytes", Max: b.bytes}
	}
	if b.ratio > 0 && out > ratioFloor && out/b.ratio > in {
		return &LimitError{Limit: "MaxRatio", Max: b.ratio}
	}
	return nil
}
