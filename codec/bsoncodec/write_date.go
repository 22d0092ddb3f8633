package bsoncodec

import "time"

// Relaxed Extended JSON writes dates in this range as text: milliseconds since 1970, for the years
// 1970 to 9999.
const (
	minTextDate = 0
	maxTextDate = 253402300799999
)

// appendDate appends a date, in milliseconds since 1970.
func appendDate(dst []byte, ms int64, relaxed bool) []byte {
	if !relaxed || ms < minTextDate || ms > maxTextDate {
		dst = append(dst, `{"$date":{"$numberLong":"`...)
		dst = appendInt(dst, ms)
		return append(dst, `"}}`...)
	}
	dst = append(dst, `{"$date":"`...)
	dst = time.UnixMilli(ms).UTC().AppendFormat(dst, "2006-01-02T15:04:05.999Z07:00")
	return append(dst, `"}`...)
}
