package bsoncodec

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/millweir/millweir/internal/bsonwire"
)

// maxShown limits the bytes of paths and identifiers in errors.
const maxShown = 512

// maxIDSize limits the BSON bytes of an _id in an error. Its text is cut further.
const maxIDSize = 64 << 10

// locate returns the path of the value at offset at of doc, and the _id if it comes before, both as
// shown in an error. The document may be malformed from that offset on.
func locate(doc []byte, at int) (path, id string) {
	i, limit, level := 0, len(doc), 0
	for len(path) < maxShown && limit-i >= 5 {
		if n := bsonwire.Length(doc, i); n >= 5 && n <= limit-i {
			limit = i + n
		}
		inner, found := -1, false
		for i += 4; i < limit && i <= at && doc[i] != 0; {
			t, key := doc[i], i+1
			i = bsonwire.KeyEnd(doc, key, limit)
			if i < 0 {
				return path, id
			}
			end, err := bsonwire.ValueEnd(doc, t, i, limit)
			if err == nil && end <= at {
				if level == 0 && string(doc[key:i-1]) == "_id" {
					id = formatID(doc, t, i, end)
				}
				i = end
				continue
			}
			path += pointer(doc[key : i-1])
			if found = true; err == nil {
				limit = end
			}
			switch t {
			case bsonwire.TypeDocument, bsonwire.TypeArray:
				inner = i
			case bsonwire.TypeCodeWithScope:
				if n := bsonwire.StringEnd(doc, i+4, limit); limit-i > 4 && n >= 0 && n <= at {
					inner = n
				}
			}
			break
		}
		if !found || inner < 0 || inner >= at {
			break
		}
		i, level = inner, level+1
	}
	return truncate(path), id
}

// locateID returns the _id of a document as shown in an error. The document may be malformed.
func locateID(doc []byte) string {
	_, id := locate(doc, len(doc))
	return id
}

// formatID returns the value of type t at doc[i:end] in Extended JSON, as shown in an error. It
// cuts a long text, and returns "" for another long value.
func formatID(doc []byte, t byte, i, end int) string {
	if end-i > maxIDSize {
		if t != bsonwire.TypeString {
			return ""
		}
		text := binary.LittleEndian.AppendUint32(nil, maxShown+2)
		doc = append(append(text, clip(doc[i+4:end])...), 0)
		i, end = 0, len(doc)
	}
	raw := binary.LittleEndian.AppendUint32(nil, uint32(end-i+8))
	raw = append(raw, t, '_', 0)
	raw = append(append(raw, doc[i:end]...), 0)
	w := writer{maxDepth: defaultDepth, maxSize: math.MaxInt32, maxLine: math.MaxInt}
	text, err := w.document(nil, raw)
	if err != nil {
		return ""
	}
	return truncate(string(text[len(`{"_":`) : len(text)-1]))
}

// pointer returns key, cut to the length shown in an error, as a token of a JSON Pointer (RFC
// 6901).
func pointer(key []byte) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(string(clip(key)))
}

// clip cuts a text to one byte more than truncate shows, so that truncate still marks it as cut.
func clip(text []byte) []byte { return text[:min(len(text), maxShown+1)] }

// pointerIndex returns an array index as a token of a JSON Pointer.
func pointerIndex(n int) string { return "/" + strconv.Itoa(n) }

// truncate returns s as valid UTF-8 of at most maxShown bytes, with an ellipsis if it was cut.
func truncate(s string) string {
	if len(s) <= maxShown {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return strings.ToValidUTF8(s[:maxShown], "\ufffd") + "…"
}
