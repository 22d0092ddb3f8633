package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/stream"
)

// bursting is a store that panics when it stores a key that contains at.
type bursting struct {
	backup.Store
	at string
}

func (b bursting) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	if b.at != "" && strings.Contains(key, b.at) {
		panic("burst")
	}
	return b.Store.Put(key, opts)
}

// runs runs a job as the program does.
func runs(t *testing.T, job *tracked) error {
	t.Helper()
	messages, err := os.Create(filepath.Join(t.TempDir(), "messages"))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	a := &app{program: cli.NewProgram("millweir", messages)}
	_, err = a.runJob(t.Context(), job, 2)
	return err
}

// connect returns a client of the world's server. The driver panics when it sends the command at.
func (w *world) connect(t *testing.T, at string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(w.srv.URI()).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == at {
				panic("burst")
			}
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	return client
}

// A library that panics in the middle of a backup or a restore is an error with a stack for a
// report. It leaves nothing that looks complete, and the next run ends well.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	store := memstore.New(nil)
	r, err := backup.Init(t.Context(), store, backup.Keys{}, &backup.InitOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"data/", "backups/", ""} {
		r, err = backup.Open(t.Context(), bursting{store, at}, backup.Keys{})
		if err != nil {
			t.Fatal(err)
		}
		job, err := r.Backup(t.Context(), w.connect(t, ""), nil)
		if err != nil {
			t.Fatal(err)
		}
		shown := &tracked{Job: job}
		err = runs(t, shown)
		if at == "" {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		err = unfinished(shown, "20261129", err)
		if !errors.As(err, new(*cli.Panic)) || strings.Contains(err.Error(), "goroutine") ||
			!strings.Contains(err.Error(), "--resume") {
			t.Errorf("%s: %v", at, err)
		}
		if _, err := r.View(t.Context(), ""); !errors.Is(err, backup.ErrNoBackup) {
			t.Errorf("%s: there is a backup: %v", at, err)
		}
	}
	v, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"insert", "renameCollection", ""} {
		job := v.Restore(w.connect(t, at), &backup.RestoreOptions{
			Include: []string{"shop"}, Renames: []backup.RenameRule{{From: "shop", To: "back"}},
		})
		err := runs(t, &tracked{Job: job})
		unknown := stream.ClassOf(err) == stream.UnknownOutcome // the server may have renamed it
		if (err != nil) != (at != "") || unknown != (at == "renameCollection") {
			t.Errorf("%s: %v: %v", at, stream.ClassOf(err), err)
		}
		names, err := w.connect(t, "").Database("back").ListCollectionNames(t.Context(),
			bson.D{{Key: "name", Value: "orders"}})
		if err != nil || len(names) > 0 && at != "" {
			t.Errorf("%s: visible are %v, %v", at, names, err)
		}
	}
	w.restored(t, 50)
}
