package codec

import (
	"bytes"
	"encoding/binary"
)

// The seek table's words, https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md.
const (
	seekTableMagic  = 0x184d2a5e // of the skippable frame
	seekableMagic   = 0x8f92eab1 // of its footer
	seekChecksums   = 0x80       // the flag that says that entries have checksums
	seekEntry       = 12         // bytes: the frame's size, its content's, the checksum of its content
	seekFooter      = 9          // bytes: the number of frames, the flags, the magic number
	maxSeekableSize = 1 << 27    // frames in a table
)

// seekMark is a skippable frame at the beginning of a stream. It says that a table must end the stream.
const seekMark = "\x5d\x2a\x4d\x18\x08\x00\x00\x00millweir"

// emptySum are the last 4 bytes of the XXH64 of nothing, as the checksum of an empty frame.
const emptySum = "\x99\xe9\xd8\x51"

// emptyFrame is a frame without content, with its checksum: the encoder of a whole frame leaves that out.
const emptyFrame = "\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00" + emptySum

// seekTable is the list of a stream's frames.
type seekTable struct{ entries []byte }

// newSeekTable returns the table of a stream that has its mark, which counts as an empty frame.
func newSeekTable() *seekTable {
	t := new(seekTable)
	t.add(len(seekMark), 0, []byte(emptySum))
	return t
}

// add takes the next frame: its size, its content's, and its checksum. It returns false when the table is full.
func (t *seekTable) add(packed, size int, sum []byte) bool {
	if len(t.entries) == maxSeekableSize*seekEntry {
		return false
	}
	t.entries = binary.LittleEndian.AppendUint32(t.entries, uint32(packed))
	t.entries = binary.LittleEndian.AppendUint32(t.entries, uint32(size))
	t.entries = append(t.entries, sum...)
	return true
}

// ourTable tells whether the skippable frame that begins with head is a table whose first entry is a stream's mark. Tables of other
// writers begin with a frame.
func ourTable(head []byte) bool {
	t := newSeekTable()
	return binary.LittleEndian.Uint32(head) == seekTableMagic && bytes.Equal(head[8:], t.entries)
}

// bytes returns the table as a skippable frame.
func (t *seekTable) bytes() []byte {
	size := len(t.entries) + seekFooter
	b := make([]byte, 0, 8+size)
	b = binary.LittleEndian.AppendUint32(b, seekTableMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, t.entries...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.entries)/seekEntry))
	b = append(b, seekChecksums)
	return binary.LittleEndian.AppendUint32(b, seekableMagic)
}
