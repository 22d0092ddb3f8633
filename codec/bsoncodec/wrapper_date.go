package bsoncodec

import (
	"encoding/binary"
	"time"
)

// date parses the value of $date: an object with $numberLong, a text, or the legacy number of
// milliseconds.
func (p *parser) date(dst []byte, i int) ([]byte, int) {
	var ms int64
	next, ok := failed, true
	switch {
	case i < len(p.src) && p.src[i] == '{':
		key, at := p.name(i + 1)
		if at < 0 {
			return dst, failed
		}
		if wrapperOf(key) != wrapInt64 {
			return dst, p.fail(at, errWrapper)
		}
		s, end := p.digits(at)
		if end < 0 {
			return dst, failed
		}
		if ms, ok = parseInteger(s); !ok {
			return dst, p.fail(at, integerError(s))
		}
		next = p.closing(end)
	case i < len(p.src) && p.src[i] == '"':
		var s []byte
		if s, next = p.text(i + 1); next < 0 {
			return dst, failed
		}
		if ms, ok = parseDate(s); !ok {
			return dst, p.fail(i, errDate)
		}
	default:
		if i < len(p.src) && p.src[i] != '-' && p.src[i]-'0' > 9 {
			return dst, p.fail(i, errWrapper)
		}
		ms, next = p.int(i)
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(ms)), next
}

// parseDate parses an RFC 3339 date such as "2006-01-02T15:04:05.999Z", also with an offset without
// a colon. It returns the milliseconds since 1970. Finer fractions are truncated.
func parseDate(s []byte) (int64, bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	century, ok0 := twoDigits(s, 0)
	year, ok1 := twoDigits(s, 2)
	month, ok2 := twoDigits(s, 5)
	day, ok3 := twoDigits(s, 8)
	hour, ok4 := twoDigits(s, 11)
	minute, ok5 := twoDigits(s, 14)
	second, ok6 := twoDigits(s, 17)
	if !(ok0 && ok1 && ok2 && ok3 && ok4 && ok5 && ok6) ||
		month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	t := time.Date(century*100+year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if t.Day() != day {
		return 0, false
	}
	ms, s := t.UnixMilli(), s[19:]
	if s[0] == '.' {
		n, scale := 1, int64(100)
		for ; n < len(s) && s[n]-'0' <= 9; n++ {
			ms += int64(s[n]-'0') * scale
			scale /= 10
		}
		if n == 1 || n > 10 {
			return 0, false
		}
		s = s[n:]
	}
	offset, ok := parseOffset(s)
	return ms - offset, ok
}

// parseOffset parses "Z", "+01:00" or "+0100" and returns milliseconds.
func parseOffset(s []byte) (int64, bool) {
	if len(s) == 1 && s[0] == 'Z' {
		return 0, true
	}
	minutes := 3
	if len(s) == 6 && s[3] == ':' {
		minutes = 4
	} else if len(s) != 5 {
		return 0, false
	}
	h, ok1 := twoDigits(s, 1)
	m, ok2 := twoDigits(s, minutes)
	if !ok1 || !ok2 || h > 23 || m > 59 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	ms := int64(h*60+m) * 60_000
	if s[0] == '-' {
		ms = -ms
	}
	return ms, true
}

func twoDigits(s []byte, i int) (int, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}
