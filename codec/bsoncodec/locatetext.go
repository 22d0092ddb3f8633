package bsoncodec

import "bytes"

// maxKeyText limits the bytes of a key read for an error: a character may be an escape of six
// bytes.
const maxKeyText = 6*maxShown + 8

// locateText returns the path of the value at offset at of a line of JSON, and the text of the _id
// if it comes before, both as shown in an error. The line may be malformed from that offset on.
func locateText(line []byte, at int) (path, id string) {
	type frame struct {
		key     string
		hasKey  bool
		index   int
		isArray bool
	}
	var stack []frame
	idAt := -1 // where the value of _id begins, or -1
	wantKey := false
	ended := func(i int) {
		if idAt >= 0 && len(stack) == 1 {
			id, idAt = truncate(string(clip(bytes.TrimSpace(line[idAt:i])))), -1
		}
	}
	for i := 0; i < at && i < len(line) && len(stack) <= maxShown; i++ {
		switch c := line[i]; c {
		case '{', '[':
			stack = append(stack, frame{isArray: c == '['})
			wantKey = c == '{'
		case '}', ']':
			ended(i)
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
			wantKey = false
		case ',':
			ended(i)
			if n := len(stack); n > 0 {
				stack[n-1].index++
				wantKey = !stack[n-1].isArray
			}
		case ':':
			if n := len(stack); n == 1 && stack[0].key == "_id" && id == "" && idAt < 0 {
				idAt = i + 1
			}
		case '"':
			end := i + 1
			for end < len(line) && line[end] != '"' {
				if line[end] == '\\' {
					end++
				}
				end++
			}
			if n := len(stack); wantKey && n > 0 {
				raw := line[i+1 : min(end, len(line))]
				p := parser{src: line[:min(i+2+len(raw), i+maxKeyText, len(line))], maxSize: maxKeyText}
				key, next := p.text(i + 1)
				if next < 0 {
					key = raw
				}
				key = clip(key)
				stack[n-1].key, stack[n-1].hasKey, wantKey = string(key), true, false
			}
			i = end
		}
	}
	for _, f := range stack {
		switch {
		case len(path) > maxShown:
		case f.isArray:
			path += pointerIndex(f.index)
		case f.hasKey:
			path += pointer([]byte(f.key))
		}
	}
	return truncate(path), id
}
