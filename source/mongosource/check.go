package mongosource

import (
	"bytes"
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxDepth is how deeply a document may nest. Servers refuse more than 200 levels, 250 at the most.
const maxDepth = 256

// valueSizes is the length of the values of a type, or -1 where it varies, or -2 where there is no such type.
var valueSizes = func() (f [256]int8) {
	for i := range f {
		f[i] = -2
	}
	for _, t := range []bson.Type{
		bson.TypeString, bson.TypeEmbeddedDocument, bson.TypeArray, bson.TypeBinary, bson.TypeBoolean, bson.TypeRegex,
		bson.TypeDBPointer, bson.TypeJavaScript, bson.TypeSymbol, bson.TypeCodeWithScope,
	} {
		f[t] = -1
	}
	for t, n := range map[bson.Type]int8{
		bson.TypeDouble: 8, bson.TypeUndefined: 0, bson.TypeObjectID: 12, bson.TypeDateTime: 8, bson.TypeNull: 0, bson.TypeInt32: 4,
		bson.TypeTimestamp: 8, bson.TypeInt64: 8, bson.TypeDecimal128: 16, bson.TypeMinKey: 0, bson.TypeMaxKey: 0,
	} {
		f[t] = n
	}
	return f
}()

// checkFrame returns nil when d has the length that it says and the last byte of a document.
func checkFrame(d []byte) *MalformedError {
	switch {
	case len(d) < 5 || int(int32(binary.LittleEndian.Uint32(d))) != len(d):
		return &MalformedError{ID: findID(d), Reason: "the length in the document is not its length"}
	case d[len(d)-1] != 0:
		return &MalformedError{ID: findID(d), Offset: len(d) - 1, Reason: "the document does not end with a zero byte"}
	}
	return nil
}

// checkDocument walks d, without recursion, and returns nil when its structure is BSON: lengths, types and terminators.
// The text in strings is not looked at: stored is stored.
func checkDocument(d []byte) *MalformedError {
	var ends [maxDepth]int // of the documents that the walk is in: the index of their terminators
	depth := 0
	if bad := checkFrame(d); bad != nil {
		return bad
	}
	bad := func(at int, reason string) *MalformedError {
		return &MalformedError{ID: findID(d), Offset: at, Reason: reason}
	}
	pos, end := 4, len(d)-1 // end is the terminator of the innermost document
	for {
		if pos == end {
			if depth == 0 {
				return nil
			}
			depth--
			pos, end = end+1, ends[depth]
			continue
		}
		t, at := d[pos], pos
		if t == 0 {
			return bad(at, "a document ends before its length")
		}
		key := bytes.IndexByte(d[pos+1:end], 0)
		if key < 0 {
			return bad(at, "a key has no end")
		}
		pos += key + 2
		size := int(valueSizes[t])
		if size >= 0 {
			if pos+size > end {
				return bad(at, "a value exceeds its document")
			}
			pos += size
			continue
		}
		room := end - pos
		switch bson.Type(t) {
		case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol:
			size = stringSize(d[pos:end])
		case bson.TypeDBPointer:
			if size = stringSize(d[pos:end]); size >= 0 {
				size += 12
			}
		case bson.TypeBoolean:
			size = 1
			if room > 0 && d[pos] > 1 {
				size = -1
			}
		case bson.TypeBinary:
			size = binarySize(d[pos:end])
		case bson.TypeRegex:
			if size = bytes.IndexByte(d[pos:end], 0) + 1; size > 0 {
				options := bytes.IndexByte(d[pos+size:end], 0) + 1
				if options == 0 {
					size = -1
				}
				size += options
			} else {
				size = -1
			}
		case bson.TypeEmbeddedDocument, bson.TypeArray, bson.TypeCodeWithScope:
			total := -1
			if room >= 5 {
				total = int(int32(binary.LittleEndian.Uint32(d[pos:])))
			}
			if total < 5 || total > room {
				return bad(at, "the length of an embedded value is out of range")
			}
			last := pos + total // where the value ends
			if bson.Type(t) == bson.TypeCodeWithScope {
				code := stringSize(d[pos+4 : last])
				if code < 0 {
					return bad(at, "the code has a wrong length")
				}
				pos += 4 + code
				if last-pos < 5 || int(int32(binary.LittleEndian.Uint32(d[pos:]))) != last-pos {
					return bad(at, "the scope has a wrong length")
				}
			}
			if d[last-1] != 0 {
				return bad(at, "an embedded document does not end with a zero byte")
			}
			if depth+1 == maxDepth {
				return bad(at, "it nests too deeply")
			}
			ends[depth] = end
			depth++
			pos, end = pos+4, last-1
			continue
		default:
			return bad(at, "there is no such type")
		}
		if size < 0 || size > room {
			return bad(at, "a value is damaged or exceeds its document")
		}
		pos += size
	}
}

// stringSize returns how many bytes the string at the beginning of p takes, or -1.
func stringSize(p []byte) int {
	if len(p) < 5 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(p)))
	if n < 1 || n > len(p)-4 || p[4+n-1] != 0 {
		return -1
	}
	return 4 + n
}

// binarySize returns how many bytes the binary value at the beginning of p takes, or -1.
func binarySize(p []byte) int {
	if len(p) < 5 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(p)))
	if n < 0 || n > len(p)-5 {
		return -1
	}
	if p[4] == bson.TypeBinaryBinaryOld && (n < 4 || int(int32(binary.LittleEndian.Uint32(p[5:]))) != n-4) {
		return -1
	}
	return 5 + n
}

// maxShownID is how many bytes an _id may have that is in an error.
const maxShownID = 1 << 10

// findID returns the _id of d, which may be damaged, or the zero value. Only simple, short values are returned: nothing that nests.
func findID(d []byte) bson.RawValue {
	v, err := bson.Raw(d).LookupErr("_id")
	if err != nil || len(v.Value) > maxShownID || v.Type == bson.TypeEmbeddedDocument || v.Type == bson.TypeArray || v.Type == bson.TypeCodeWithScope || v.Validate() != nil {
		return bson.RawValue{}
	}
	return bson.RawValue{Type: v.Type, Value: bytes.Clone(v.Value)}
}
