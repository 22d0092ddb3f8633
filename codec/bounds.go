package codec

import "errors"

const (
	// defaultBytes is the default of MaxBytes: the size of the largest files of common file
	// systems.
	defaultBytes = 16 << 40
	// defaultRatio is the default of MaxRatio. It is more than any encoder reaches: for zeros, gzip
	// reaches 1,031, our zstd 32,716, our S2 52,103, and S2 in blocks of 4 MiB 198,253.
	defaultRatio = 200_000
)

// ratioFloor is the number of decoded bytes after which their ratio to the encoded bytes is
// checked. Only tests change it.
var ratioFloor int64 = 256 << 20

var errNegative = errors.New("a limit is negative")

// bounds are the limits of a decoder.
type bounds struct {
	bytes int64 // decoded bytes in all; 0 means no limit
	ratio int64 // decoded bytes for each encoded one; 0 means no limit
}

// newBounds returns the bounds of the options MaxBytes and MaxRatio.
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

// check returns an error if out decoded bytes from in encoded bytes exceed a limit.
func (b bounds) check(out, in int64) error {
	if b.bytes > 0 && out > b.bytes {
		return &LimitError{Limit: "MaxBytes", Max: b.bytes}
	}
	if b.ratio > 0 && out > ratioFloor && exceeds(out, in, b.ratio) {
		return &LimitError{Limit: "MaxRatio", Max: b.ratio}
	}
	return nil
}

// exceeds reports whether out is more than ratio times in.
func exceeds(out, in, ratio int64) bool { return out > 0 && (out-1)/ratio >= in }
