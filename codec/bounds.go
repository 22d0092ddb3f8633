package codec

import "errors"

const (
	// defaultBytes is what MaxBytes means when it is zero: as much as the largest files of common file systems.
	defaultBytes = 16 << 40
	// defaultRatio is what MaxRatio means when it is zero: more than any encoder reaches, so that what was written comes back. Of
	// zeros, gzip's makes 1,031:1, zstd's 32,716:1, and S2's 52,103:1, or 198,253:1 in blocks of 4 MiB.
	defaultRatio = 200_000
)

// ratioFloor is how many decoded bytes pass before their ratio to the encoded ones is checked. Only
// tests change it.
var ratioFloor int64 = 256 << 20

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
	if b.ratio > 0 && out > ratioFloor && exceeds(out, in, b.ratio) {
		return &LimitError{Limit: "MaxRatio", Max: b.ratio}
	}
	return nil
}

// exceeds tells whether out is more than ratio times in.
func exceeds(out, in, ratio int64) bool { return out > 0 && (out-1)/ratio >= in }
