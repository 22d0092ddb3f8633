package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
)

// The constants of the seek table,
// https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md.
const (
	seekTableMagic  = 0x184d2a5e // of the skippable frame
	seekableMagic   = 0x8f92eab1 // of its footer
	seekChecksums   = 0x80       // flag: entries have checksums
	seekEntry       = 12         // bytes: the sizes of the frame and of its content, and the checksum of the content
	seekFooter      = 9          // bytes: the number of frames, the flags, the magic number
	maxSeekableSize = 1 << 27    // most frames in a table
)

// seekMark is a skippable frame at the beginning of a stream. It announces a seek table at the end.
const seekMark = "\x5d\x2a\x4d\x18\x08\x00\x00\x00millweir"

// damagedMark reports whether the skippable frame that begins with head has a wrong length. It
// knows the lengths of two frames: our mark, and the frame of pzstd with the length of the next
// frame. A frame with a wrong length would swallow the data that follows it, and no checksum would
// detect that.
func damagedMark(head []byte) bool {
	const pzstd, pzstdSize = "\x50\x2a\x4d\x18", 4
	if len(head) < len(seekMark) {
		return false
	}
	mark := string(head)
	return mark[8:] == seekMark[8:] && mark != seekMark ||
		mark[:4] == pzstd && mark[12:] == zstdMagic && binary.LittleEndian.Uint32(head[4:]) > pzstdSize
}

// emptySum is the checksum of an empty frame: the last 4 bytes of the XXH64 of an empty input.
const emptySum = "\x99\xe9\xd8\x51"

// emptyFrame is an empty frame with a checksum, which the encoder omits.
const emptyFrame = zstdMagic + "\x24\x00\x01\x00\x00" + emptySum

// appendEntry appends an entry of a table: the size of the frame, the size of its content, and its
// checksum.
func appendEntry(b []byte, packed, size int, sum []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(packed))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	return append(b, sum...)
}

// appendMarkEntry appends the first entry of our tables: the mark counts as an empty frame.
func appendMarkEntry(b []byte) []byte { return appendEntry(b, len(seekMark), 0, []byte(emptySum)) }

// appendTableHead appends the header of a table with n entries.
func appendTableHead(b []byte, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, seekTableMagic)
	return binary.LittleEndian.AppendUint32(b, uint32(n*seekEntry+seekFooter))
}

// appendTableFoot appends the footer of a table with n entries.
func appendTableFoot(b []byte, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = append(b, seekChecksums)
	return binary.LittleEndian.AppendUint32(b, seekableMagic)
}

// seekTable is the table that an encoder appends to the stream.
type seekTable struct{ entries []byte }

// newSeekTable returns a table that begins with the entry of the mark.
func newSeekTable() *seekTable { return &seekTable{appendMarkEntry(nil)} }

// add adds the next frame. It returns false if the table is full.
func (t *seekTable) add(packed, size int, sum []byte) bool {
	if len(t.entries) == maxSeekableSize*seekEntry {
		return false
	}
	t.entries = appendEntry(t.entries, packed, size, sum)
	return true
}

// bytes returns the table as a skippable frame.
func (t *seekTable) bytes() []byte {
	n := len(t.entries) / seekEntry
	b := appendTableHead(make([]byte, 0, 8+len(t.entries)+seekFooter), n)
	return appendTableFoot(append(b, t.entries...), n)
}

// expectedTable is the hash of the table that must end a stream. Its memory does not grow with the
// number of frames.
type expectedTable struct {
	hash   maphash.Hash // of the entries
	frames int
	entry  [seekEntry]byte
}

// newExpectedTable returns the table of a stream whose mark was read.
func newExpectedTable() *expectedTable {
	t := &expectedTable{frames: 1}
	_, _ = t.hash.Write(appendMarkEntry(t.entry[:0])) // never fails
	return t
}

// add adds the next frame. It returns false if a table cannot hold that many.
func (t *expectedTable) add(packed, size int, sum []byte) bool {
	if t.frames == maxSeekableSize {
		return false
	}
	t.frames++
	_, _ = t.hash.Write(appendEntry(t.entry[:0], packed, size, sum)) // never fails
	return true
}

// mismatch returns the error for a table that does not match the frames.
func (t *expectedTable) mismatch() error {
	return fmt.Errorf("%w: the %d frames are not those that were written", ErrSyntax, t.frames)
}

// compare reads a table, and fails if it does not match the frames.
func (t *expectedTable) compare(src io.Reader) error {
	if err := t.expect(src, appendTableHead(nil, t.frames)); err != nil {
		return err
	}
	var there maphash.Hash
	there.SetSeed(t.hash.Seed())
	if _, err := io.CopyN(&there, src, int64(t.frames)*seekEntry); err != nil {
		return err
	}
	if there.Sum64() != t.hash.Sum64() {
		return t.mismatch()
	}
	return t.expect(src, appendTableFoot(nil, t.frames))
}

// expect reads len(want) bytes and fails if they differ from want.
func (t *expectedTable) expect(src io.Reader, want []byte) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(src, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return t.mismatch()
	}
	return nil
}

// ourTable reports whether the skippable frame that begins with head is a table whose first entry
// is our mark. Tables of other writers begin with a frame.
func ourTable(head []byte) bool {
	return binary.LittleEndian.Uint32(head) == seekTableMagic && bytes.Equal(head[8:], appendMarkEntry(nil))
}
