package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// maxSmall bounds the objects that are read as a whole, in bytes.
const maxSmall = 64 << 20

// put stores a small object.
func put(ctx context.Context, store Store, key string, content []byte, flows ...stream.Flow[[]byte, []byte]) error {
	body := source.Of(content)
	for _, f := range flows {
		body = stream.Via(body, f)
	}
	_, err := stream.Run(ctx, body, store.Put(key, nil))
	return err
}

// get returns a small object as a whole.
func get(ctx context.Context, store Store, key string, flows ...stream.Flow[[]byte, []byte]) ([]byte, error) {
	body := store.Get(key, nil)
	for _, f := range flows {
		body = stream.Via(body, f)
	}
	var content bytes.Buffer
	_, err := stream.Run(ctx, stream.Via(body, stream.LimitBytes(maxSmall, stream.ByteLen[[]byte])),
		sink.Writer(&content))
	return content.Bytes(), err
}

// first returns the first object of a list, or nil if it is empty.
func first(ctx context.Context, list stream.Source[Object]) (*Object, error) {
	found, err := stream.Run(ctx, stream.Via(list, stream.Take[Object](1)), sink.Slice[Object]())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

var errJSON = stream.Mark(errors.New("it is not the JSON that it should be"), stream.Data)

// unmarshal parses the JSON of one value, and nothing after it. Unknown fields are ignored: a newer
// version may add some.
func unmarshal(content []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(v); err != nil {
		return errJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errJSON
	}
	return nil
}
