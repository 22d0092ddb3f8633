package codec

import (
	"encoding/json"
	"strconv"
	"strings"
)

// pointerAt returns the JSON Pointer (RFC 6901) of the innermost value in text that contains the
// byte at index i. A member begins at its key. If no member or element has begun, the value is the
// object or array itself. Only the text up to i must be valid JSON. The result is "" if the pointer
// would be longer than maxPointer.
func pointerAt(text []byte, i int) string {
	type level struct {
		array bool
		index int
		key   string
		named bool // the object's member has begun
	}
	var levels []level
	wantKey := false // the next string of the innermost object is a key
	for at := 0; at < len(text) && at <= i; at++ {
		n := len(levels)
		switch c := text[at]; c {
		case '{', '[':
			if at == i {
				break // the object or array itself
			}
			levels = append(levels, level{array: c == '['})
			wantKey = c == '{'
		case '}', ']':
			if n > 0 && at < i {
				levels = levels[:n-1]
			}
		case ',':
			if n > 0 && at < i {
				levels[n-1].index++
				levels[n-1].named = false
				wantKey = !levels[n-1].array
			}
		case ':':
			wantKey = false
		case '"':
			end := stringEnd(text, at)
			if n > 0 && wantKey {
				if name, ok := memberName(text[at:end]); ok {
					levels[n-1].key, levels[n-1].named = name, true
				}
			}
			at = end - 1
		}
	}
	var b strings.Builder
	for _, l := range levels {
		switch {
		case l.array:
			b.WriteByte('/')
			b.WriteString(strconv.Itoa(l.index))
		case l.named:
			b.WriteByte('/')
			b.WriteString(pointerEscape.Replace(l.key))
		}
		if b.Len() > maxPointer {
			return ""
		}
	}
	return b.String()
}

const maxPointer = 4 << 10 // bytes

// overlong replaces a key that is too long for a pointer.
var overlong = strings.Repeat("x", maxPointer+1)

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// memberName returns the text of a quoted name, or overlong if the name is too long for a pointer.
// It returns false if the name is malformed.
func memberName(quoted []byte) (name string, ok bool) {
	if len(quoted) > len(overlong)*longestEscape {
		return overlong, true
	}
	err := json.Unmarshal(quoted, &name)
	return name, err == nil
}

// unknownMember returns the index in text of the member that err reports as unknown. text must be
// valid JSON and err an error of encoding/json. The result is -1 if err has another reason, or if
// several members have the name.
func unknownMember(text []byte, err error) int {
	quoted, ok := strings.CutPrefix(err.Error(), unknownField)
	if !ok {
		return -1
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return -1
	}
	found := -1
	for at := 0; at < len(text); at++ {
		if text[at] != '"' {
			continue
		}
		end := stringEnd(text, at)
		var s string
		if isMember(text[end:]) && json.Unmarshal(shortName(text[at:end]), &s) == nil && s == name {
			if found >= 0 {
				return -1
			}
			found = at
		}
		at = end - 1
	}
	return found
}

// stringEnd returns the index after the string that begins at text[at].
func stringEnd(text []byte, at int) int {
	for i := at + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
