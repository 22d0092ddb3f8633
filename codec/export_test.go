package codec

// RatioFloor is the number of decoded bytes after which the ratio is checked.
const RatioFloor int64 = 256 << 20

// SetRatioFloor changes the floor for tests under the race detector, until restore is called.
func SetRatioFloor(n int64) (restore func()) {
	before := ratioFloor
	ratioFloor = n
	return func() { ratioFloor = before }
}
