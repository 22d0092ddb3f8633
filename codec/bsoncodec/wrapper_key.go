package bsoncodec

// wrapper is what an object of JSON stands for, by its first key.
type wrapperKind byte

const (
	noWrapper wrapperKind = iota
	wrapEscape
	wrapOID
	wrapSymbol
	wrapInt32
	wrapInt64
	wrapDouble
	wrapDecimal
	wrapBinary
	wrapUUID
	wrapCode
	wrapScope
	wrapTimestamp
	wrapRegex
	wrapDBPointer
	wrapDate
	wrapMinKey
	wrapMaxKey
	wrapUndefined
)

// wrapperOf returns what an object whose first key is key stands for. It is the one list of the keys that are ambiguous in a
// document: the parser interprets these, and the writer escapes a document that begins with one.
func wrapperOf(key []byte) wrapperKind {
	switch string(key) {
	case escapeKey:
		return wrapEscape
	case "$oid":
		return wrapOID
	case "$symbol":
		return wrapSymbol
	case "$numberInt":
		return wrapInt32
	case "$numberLong":
		return wrapInt64
	case "$numberDouble":
		return wrapDouble
	case "$numberDecimal":
		return wrapDecimal
	case "$binary":
		return wrapBinary
	case "$uuid":
		return wrapUUID
	case "$code":
		return wrapCode
	case "$scope":
		return wrapScope
	case "$timestamp":
		return wrapTimestamp
	case "$regularExpression":
		return wrapRegex
	case "$dbPointer":
		return wrapDBPointer
	case "$date":
		return wrapDate
	case "$minKey":
		return wrapMinKey
	case "$maxKey":
		return wrapMaxKey
	case "$undefined":
		return wrapUndefined
	}
	return noWrapper
}

// wrapperKey tells whether a parser would interpret a document of kind k for its first key, which begins b and ends at a zero byte.
func opensWrapper(b []byte, k kind) bool {
	for i, c := range b {
		if c == 0 {
			w := wrapperOf(b[:i])
			return w == wrapEscape || w != noWrapper && k == embedded
		}
	}
	return false
}
