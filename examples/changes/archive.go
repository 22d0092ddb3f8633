package main

import (
	"context"
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
type archive struct {
	folder  string
	cleared bool // the files after the saved position are gone
}

// place is how far an archive is: the number of its changes, and the position after them.
type place struct {
	Changes int64                      `json:"changes"`
	After   mongosource.ChangePosition `json:"after"`
}

// numbered is an event and how many changes came before it and with it.
type numbered struct {
	mongosource.Event
	before, with int64
}

// number returns a flow that numbers the changes after a place.
func number(from place) stream.Flow[mongosource.Event, numbered] {
	return stream.MapState(func() int64 { return from.Changes },
		func(changes *int64, e mongosource.Event) (numbered, error) {
			n := numbered{e, *changes, *changes}
			if e.Operation != mongosource.OpHeartbeat {
				n.with++
			}
			*changes = n.with
			return n, nil
		})
}

func (n numbered) place() place { return place{n.with, n.Position} }

// store writes changes to a new file.
func (a *archive) store(ctx context.Context, events []numbered) error {
	var changes []numbered
	for _, e := range events {
		if e.Operation != mongosource.OpHeartbeat {
			changes = append(changes, e)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	first := changes[0].before
	if err := a.removeFrom(first); err != nil {
		return err
	}
	file := stream.Via3(source.Slice(changes),
		stream.Map(func(n numbered) bson.Raw { return n.Raw }),
		bsoncodec.ExtJSON(nil),
		codec.Zstd(nil))
	_, err := stream.Run(ctx, file, sink.File(filepath.Join(a.folder, fmt.Sprintf(nameFormat, first)), nil))
	return err
}

// nameFormat makes the name of a file of the number of changes before it.
const nameFormat = "%012d.zst"

// files returns the files of changes with their numbers.
func (a *archive) files() (map[string]int64, error) {
	entries, err := os.ReadDir(a.folder)
	files := map[string]int64{}
	for _, e := range entries {
		var n int64
		if _, err := fmt.Sscanf(e.Name(), nameFormat, &n); err == nil && fmt.Sprintf(nameFormat, n) == e.Name() {
			files[filepath.Join(a.folder, e.Name())] = n
		}
	}
	return files, err
}

// removeFrom removes, once, the files from a number on: a run that was killed has stored them and not
// saved their position. Their changes come again, in batches that may be cut elsewhere.
func (a *archive) removeFrom(number int64) error {
	if a.cleared {
		return nil
	}
	files, err := a.files()
	for name, n := range files {
		if n >= number {
			err = errors.Join(err, os.Remove(name))
		}
	}
	a.cleared = err == nil
	return err
}

func (a *archive) savePlace(ctx context.Context, at place) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	_, err = stream.Run(ctx, source.Of(text), sink.File(filepath.Join(a.folder, "position"), nil))
	return err
}

// place returns the saved place, or the zero value if there is none yet.
func (a *archive) place() (at place, err error) {
	if err := os.MkdirAll(a.folder, 0o700); err != nil {
		return at, err
	}
	name := filepath.Join(a.folder, "position")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		files, err := a.files()
		if err == nil && len(files) > 0 {
			err = fmt.Errorf("%s has changes and no position: choose a new folder to begin again", a.folder)
		}
		return at, err
	}
	if err != nil {
		return at, err
	}
	err = json.Unmarshal(text, &at)
	if err == nil && at.After == (mongosource.ChangePosition{}) {
		err = errors.New("it would begin now")
	}
	if err != nil {
		return at, fmt.Errorf("%s holds no position: choose a new folder to begin again: %w", name, err)
	}
	return at, nil
}
