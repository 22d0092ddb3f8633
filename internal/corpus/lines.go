package corpus

import "github.com/millweir/millweir/codec/bsoncodec"

// Lines returns at least size bytes of the mix as canonical Extended JSON, one document a line. It
// returns the same bytes each time.
func Lines(size int) []byte {
	c := New(1)
	var text []byte
	for len(text) < size {
		var err error
		if text, err = bsoncodec.AppendExtJSON(text, c.Mix(), nil); err != nil {
			panic(err) // cannot happen: the documents are legal
		}
		text = append(text, '\n')
	}
	return text
}
