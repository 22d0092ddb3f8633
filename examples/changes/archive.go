package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// archive is a folder with the stored changes.
type archive struct{ folder string }

// store writes changes to a new file.
func (a archive) store(ctx context.Context, events []mongosource.Event) error {
	var changes []mongosource.Event
	for _, e := range events {
		if e.Operation != mongosource.OpHeartbeat {
			changes = append(changes, e)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	file := stream.Via3(source.Slice(changes),
		stream.Map(func(e mongosource.Event) bson.Raw { return e.Raw }),
		bsoncodec.ExtJSON(nil),
		codec.Zstd(nil))
	_, err := stream.Run(ctx, file, sink.File(filepath.Join(a.folder, fileName(changes[0])), nil))
	return err
}

// fileName returns the name of the file that begins with a change. Several changes may have the same
// time, so the name also has a digest of the change's own identifier.
func fileName(first mongosource.Event) string {
	t, id := first.ClusterTime, sha256.Sum256(first.Position.Token())
	return fmt.Sprintf("%010d-%010d-%x.zst", t.T, t.I, id[:8])
}

func (a archive) savePosition(ctx context.Context, at mongosource.ChangePosition) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	_, err = stream.Run(ctx, source.Of(text), sink.File(filepath.Join(a.folder, "position"), nil))
	return err
}

// position returns the saved position, or the zero value if there is none yet.
func (a archive) position() (at mongosource.ChangePosition, err error) {
	if err := os.MkdirAll(a.folder, 0o700); err != nil {
		return at, err
	}
	name := filepath.Join(a.folder, "position")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	if err := json.Unmarshal(text, &at); err != nil {
		return at, fmt.Errorf("%s holds no position: choose a new folder to begin again: %w", name, err)
	}
	return at, nil
}
