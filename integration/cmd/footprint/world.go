package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// build builds the programs into a new directory.
func build(ctx context.Context) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "millweir-footprint-"); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator),
		"github.com/millweir/millweir/cmd/millweir").CombinedOutput()
	if err != nil {
		return "", errors.Join(fmt.Errorf("build the program: %w: %s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}

// world holds the servers, the repository, the keys and the program.
type world struct {
	folder         string // of the program and the keys
	db             *mongo.Database
	repo           string
	env            []string
	identity, sign string // files
}

func newWorld(t testing.TB, folder string) *world {
	t.Helper()
	m, s := servers.SecantusDB(t), servers.Versitygw(t)
	w := &world{
		folder:   folder,
		db:       m.Database(t),
		repo:     "s3://" + s.Bucket(t) + "/footprint",
		env:      append(s.Env(), "MONGODB_URI="+m.URI(), "HOME="+folder, "PATH="+os.Getenv("PATH")),
		identity: filepath.Join(folder, "me.txt"),
		sign:     filepath.Join(folder, "sign.key"),
	}
	w.run(t, "keys", "generate", "--identity", w.identity, "--signing-key", w.sign)
	w.run(t, "init", w.repo, "--identity", w.identity, "--signing-key", w.sign)
	return w
}

// measure backs up a collection of mb megabytes and restores it.
func (w *world) measure(t testing.TB, mb int) []row {
	t.Helper()
	source := fmt.Sprintf("source_%d", mb)
	if err := fill(t.Context(), w.db.Collection(source), int64(mb)*1e6); err != nil {
		t.Fatal(err)
	}
	ns := w.db.Name() + "." + source
	return []row{
		w.run(t, "backup", w.repo, "--json", "--signing-key", w.sign, "--include", ns),
		w.run(t, "restore", w.repo, "--json", "--identity", w.identity, "--signing-key", w.sign, "--include", ns,
			"--rename", ns+"="+ns+"_back"),
	}
}

// run runs a command of millweir, which must succeed.
func (w *world) run(t testing.TB, args ...string) row {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.folder, "millweir"), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = w.env, &stdout, &stderr
	used, err := measure(cmd)
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, stderr.Bytes())
	}
	var report struct {
		Counts struct{ Documents, Bytes, Stored, Fetched int64 }
	}
	if !slices.Contains(args, "--json") {
		return row{}
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("%q: its report: %v: %s", args, err, stdout.Bytes())
	}
	c := &report.Counts
	return row{
		program: args[0], documents: c.Documents, bson: c.Bytes, stored: c.Stored + c.Fetched, usage: used,
	}
}

// fill loads orders of a shop into coll until they have total bytes. An order has 178 bytes to 9
// KB, 1.4 KB on average.
func fill(ctx context.Context, coll *mongo.Collection, total int64) error {
	rng := rand.New(rand.NewPCG(1, 1))
	var batch []any
	for size := int64(0); size < total; {
		doc, err := bson.Marshal(order(rng))
		if err != nil {
			return err
		}
		size += int64(len(doc))
		if batch = append(batch, bson.Raw(doc)); len(batch) == 1000 || size >= total {
			if _, err := coll.InsertMany(ctx, batch); err != nil {
				return fmt.Errorf("load %s: %w", coll.Name(), err)
			}
			batch = batch[:0]
		}
	}
	return nil
}

var words = bytes.Fields([]byte("crisp sweet grandmother better than the soft never again paid shipped returned " +
	"oven Graz København 東京 flour butter"))

func order(rng *rand.Rand) bson.D {
	text := func(n int) string {
		b := make([]byte, 0, n+16)
		for len(b) < n {
			if rng.IntN(3) == 0 {
				b = letters(b, rng.Uint64())
			} else {
				b = append(b, words[rng.IntN(len(words))]...)
			}
			b = append(b, ' ')
		}
		return string(b)
	}
	lines := bson.A{}
	for range []int{0, 0, 0, 0, 4, 4, 4, 4, 4, 50}[rng.IntN(10)] {
		lines = append(lines, bson.D{
			{Key: "sku", Value: rng.Int64()},
			{Key: "count", Value: rng.Int32N(9)},
			{Key: "price", Value: rng.Float64()},
			{Key: "note", Value: text(60 + rng.IntN(60))},
		})
	}
	return bson.D{
		{Key: "_id", Value: bson.NewObjectID()},
		{Key: "customer", Value: text(40)},
		{Key: "at", Value: bson.NewDateTimeFromTime(time.UnixMilli(1.7e12 + rng.Int64N(1e9)))},
		{Key: "paid", Value: rng.IntN(2) == 0},
		{Key: "lines", Value: lines},
	}
}

// letters appends n as letters, like those of a token or a hash.
func letters(b []byte, n uint64) []byte {
	for range 10 {
		b = append(b, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[n&63])
		n >>= 6
	}
	return b
}
