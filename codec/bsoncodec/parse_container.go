package bsoncodec

import "github.com/millweir/millweir/internal/bsonwire"

// object parses an object as a document, after its brace. It returns the offset after the object.
func (p *parser) object(dst []byte, i, depth int) ([]byte, int) {
	if depth > p.maxDepth {
		return dst, p.fail(i-1, p.depthError())
	}
	start, src := len(dst), p.src
	dst = append(dst, 0, 0, 0, 0)
	for first := true; ; first = false {
		if i >= len(src) || src[i] <= ' ' {
			if i = p.space(i); i >= len(src) {
				return dst, p.fail(i, errName)
			}
		}
		if src[i] != '"' {
			if first && src[i] == '}' {
				break
			}
			return dst, p.fail(i, errName)
		}
		element := len(dst)
		if dst, i = p.key(dst, i+1); i < 0 {
			return dst, failed
		}
		if i >= len(src) || src[i] != ':' {
			if i = p.space(i); i >= len(src) || src[i] != ':' {
				return dst, p.fail(i, errColon)
			}
		}
		var t byte
		if dst, i, t = p.value(dst, i+1, depth); i < 0 {
			return dst, failed
		}
		dst[element] = t
		if len(dst)-p.start > p.maxSize {
			return dst, p.fail(min(i, len(src)-1), p.sizeError())
		}
		if i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i = p.space(i); i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i < len(src) && src[i] == '}' {
			break
		}
		return dst, p.fail(i, errComma)
	}
	return p.close(dst, start), i + 1
}

// array parses an array, after its bracket. It returns the offset after the array.
func (p *parser) array(dst []byte, i, depth int) ([]byte, int) {
	if depth > p.maxDepth {
		return dst, p.fail(i-1, p.depthError())
	}
	start, src := len(dst), p.src
	dst = append(dst, 0, 0, 0, 0)
	if i = p.space(i); i < len(src) && src[i] == ']' {
		return p.close(dst, start), i + 1
	}
	for n := uint64(0); ; n++ {
		dst = p.reserve(dst, spare)
		element := len(dst)
		if n < 10 {
			dst = append(dst, 0, byte('0'+n), 0)
		} else {
			dst = append(appendUint(append(dst, 0), n), 0)
		}
		var t byte
		if dst, i, t = p.value(dst, i, depth); i < 0 {
			return dst, failed
		}
		dst[element] = t
		if len(dst)-p.start > p.maxSize {
			return dst, p.fail(min(i, len(src)-1), p.sizeError())
		}
		if i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i = p.space(i); i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i < len(src) && src[i] == ']' {
			return p.close(dst, start), i + 1
		}
		return dst, p.fail(i, errComma)
	}
}

// close completes the document or array that begins at dst[start].
func (p *parser) close(dst []byte, start int) []byte {
	dst = append(dst, 0)
	bsonwire.PutLength(dst, start)
	return dst
}
