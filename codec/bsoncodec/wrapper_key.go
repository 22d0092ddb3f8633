package bsoncodec

// wrapperKind is a type wrapper, identified by the first key of an object.
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

// wrapperOf returns the wrapper of an object with this first key. It is the only list of these
// keys: the parser interprets them, and the writer escapes a document that begins with one.
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

// opensWrapper reports whether a parser would interpret a document of kind k because of its first
// key. The key begins at b and ends with a zero byte.
func opensWrapper(b []byte, k kind) bool {
	for i, c := range b {
		if c == 0 {
			w := wrapperOf(b[:i])
			return w == wrapEscape || w != noWrapper && k == embedded
		}
	}
	return false
}
