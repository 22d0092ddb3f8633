package mongosink

import (
	"encoding/binary"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// batch is one command under construction: its statements lie one after the other in body. A
// command in the body of a message is limited to 16 MiB and 16 KiB. RunCommand has no form for the
// longer messages that servers take too.
type batch struct {
	verb       verb
	ordered    bool   // the server stops at the first statement that it refuses
	body       []byte // the command; seal completes it
	list       int    // where the length of the list of statements is
	end        int    // of the last statement
	statements []statement

	bytes  int   // of the documents, as they came
	memory int64 // taken from the account

	odd            bool // a document is odd: see walker
	ownForm        bool // a statement has fields of With, or a pipeline: the driver cannot send the batch
	keepTimestamps bool // a document has a Timestamp(0, 0), which the server must keep
	resent         bool // an earlier command may have executed some of the statements
}

// statement is one write.
type statement struct {
	index     int64 // in the input
	at        int   // where its document begins in the body
	bytes     int   // of the document as it came, without an _id of the sink
	generated bool  // the sink made its _id
	byID      bool  // see Write.repeatable; of inserts false
	mayChange bool  // the server may store other bytes
}

// The names of the fields of a command are short, and so is what the driver adds: the session, the
// cluster time, the database and the read preference.
const (
	maxBody     = 16<<20 + 16<<10
	trailer     = 4 << 10                // at most, of what follows the list
	maxKey      = len("\x039999999\x00") // of a statement in the list
	maxOverhead = maxBody - maxDocumentBytes - trailer - maxKey
)

// begin starts the command with its header, which ends with the length of the list. The body may
// grow to size bytes without being copied.
func (b *batch) begin(header []byte, size int) {
	m := takeMemory()
	b.body, b.statements = append(slices.Grow(m.body, size), header...), m.statements
	b.list = len(b.body) - len("size")
	b.end = len(b.body)
}

// fits reports whether a statement of size bytes can be added.
func (b *batch) fits(size int) bool { return size <= maxBody-trailer-maxKey-b.end }

// open begins the next statement, whose document the caller appends to body. closed ends it.
func (b *batch) open(st statement) {
	b.body = append(b.body[:b.end], byte(bson.TypeEmbeddedDocument))
	b.body = append(strconv.AppendInt(b.body, int64(len(b.statements)), 10), 0)
	st.at = len(b.body)
	b.statements = append(b.statements, st)
}

func (b *batch) closed() { b.end = len(b.body) }

// insert adds a document, and an _id if it lacks one.
func (b *batch) insert(index int64, doc bson.Raw, l layout, mayChange bool) {
	b.open(statement{index: index, bytes: len(doc), generated: l.ids == 0, mayChange: mayChange})
	if l.ids == 0 {
		b.body = appendWithID(b.body, doc)
	} else {
		b.body = append(b.body, doc...)
	}
	b.closed()
	b.bytes += len(doc)
	b.odd = b.odd || l.odd
}

// document returns the document of statement i.
func (b *batch) document(i int) bson.Raw {
	d := b.body[b.statements[i].at:]
	return bson.Raw(d[:binary.LittleEndian.Uint32(d)])
}

// seal completes the command, with a number if it is a retryable write. It may be called again.
func (b *batch) seal(number int64, numbered bool) {
	c := append(b.body[:b.end], 0)
	binary.LittleEndian.PutUint32(c[b.list:], uint32(len(c)-b.list))
	if b.keepTimestamps {
		c = bsoncore.AppendBooleanElement(c, bypassField, true)
	}
	if numbered {
		c = bsoncore.AppendInt64Element(c, "txnNumber", number)
	}
	c = append(c, 0)
	binary.LittleEndian.PutUint32(c, uint32(len(c)))
	b.body = c
}

// part returns a command with the statements from to to, exclusive. They count as executed before.
func (b *batch) part(from, to int) *batch {
	p := &batch{verb: b.verb, ordered: b.ordered, odd: b.odd, keepTimestamps: b.keepTimestamps, resent: true}
	p.begin(b.body[:b.list+len("size")], 0)
	for i := from; i < to; i++ {
		st := b.statements[i]
		p.open(st)
		p.body = append(p.body, b.document(i)...)
		p.closed()
		p.bytes += st.bytes
	}
	return p
}

// appendWithID appends doc with a new ObjectID as its first field, as drivers and servers add it.
func appendWithID(dst, doc []byte) []byte {
	id := bson.NewObjectID()
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(doc)+idBytes))
	dst = append(append(dst, byte(bson.TypeObjectID)), idKey...)
	dst = append(dst, id[:]...)
	return append(dst, doc[len("size"):]...)
}
