package corpus

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/millweir/millweir/internal/bsonwire"
)

// Types of containers.
const (
	document = bsonwire.TypeDocument
	array    = bsonwire.TypeArray
)

// begin begins a document; end completes the one that begins at b[start].
func begin(b []byte) []byte { return append(b, 0, 0, 0, 0) }

func end(b []byte, start int) []byte {
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// open begins a container as the value of key. It also returns the offset where the container
// begins.
func open(b []byte, t byte, key string) ([]byte, int) {
	b = element(b, t, key)
	return begin(b), len(b)
}

func element(b []byte, t byte, key string) []byte {
	return append(append(append(b, t), key...), 0)
}

func text(b []byte, key, v string) []byte {
	b = binary.LittleEndian.AppendUint32(element(b, bsonwire.TypeString, key), uint32(len(v)+1))
	return append(append(b, v...), 0)
}

func double(b []byte, key string, v float64) []byte {
	return binary.LittleEndian.AppendUint64(element(b, bsonwire.TypeDouble, key), math.Float64bits(v))
}

func int32Value(b []byte, key string, v int32) []byte {
	return binary.LittleEndian.AppendUint32(element(b, bsonwire.TypeInt32, key), uint32(v))
}

func int64Value(b []byte, key string, v int64) []byte {
	return binary.LittleEndian.AppendUint64(element(b, bsonwire.TypeInt64, key), uint64(v))
}

func boolean(b []byte, key string, v bool) []byte {
	if v {
		return append(element(b, bsonwire.TypeBoolean, key), 1)
	}
	return append(element(b, bsonwire.TypeBoolean, key), 0)
}

func null(b []byte, key string) []byte { return element(b, bsonwire.TypeNull, key) }

func binaryValue(b []byte, key string, v []byte) []byte {
	b = binary.LittleEndian.AppendUint32(element(b, bsonwire.TypeBinary, key), uint32(len(v)))
	return append(append(b, 0), v...)
}

// objectID appends an ObjectID like those of a driver: seconds, five bytes that identify the
// process, and a counter. The values ascend.
func (c *Corpus) objectID(b []byte, key string) []byte {
	b = element(b, bsonwire.TypeObjectID, key)
	b = binary.BigEndian.AppendUint32(b, 1_700_000_000+c.n/50)
	b = append(b, 0x5a, 0x1e, 0xc0, 0x77, 0x93, byte(c.n>>16), byte(c.n>>8), byte(c.n))
	c.n++
	return b
}

// date appends a date between 2020 and 2027.
func (c *Corpus) date(b []byte, key string) []byte {
	return binary.LittleEndian.AppendUint64(element(b, bsonwire.TypeDate, key),
		uint64(1_600_000_000_000+c.r.Int64N(200_000_000_000)))
}

func (c *Corpus) oneIn(n int) bool { return c.r.IntN(n) == 0 }

func (c *Corpus) pick(s []string) string { return s[c.r.IntN(len(s))] }

func (c *Corpus) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.r.Uint32())
	}
	return b
}

// token returns a random token of n characters.
func (c *Corpus) token(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[c.r.IntN(len(alphabet))]
	}
	return string(b)
}

// word returns a word of two to four syllables. Some thousands of words are common, and most are
// rare.
func (c *Corpus) word() string {
	n, among := 2, len(syllables)
	if c.oneIn(2) {
		n += c.r.IntN(3)
	} else {
		among /= 2
	}
	var s strings.Builder
	for range n {
		s.WriteString(syllables[c.r.IntN(among)])
	}
	return s.String()
}

// words returns n words.
func (c *Corpus) words(n int) string {
	var s strings.Builder
	for i := range n {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(c.word())
	}
	return s.String()
}
