package backup_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/internal/mongofixture"
)

// makeFormat1 is for the day on which format 1 changes before the first release, and for no other: what
// a release has written must be readable for ever. See docs/format.md.
var makeFormat1 = flag.Bool("make-format1", false, "make the repositories in testdata/format1 again")

// format1 is where the repositories are that were written in format 1.
var format1 = filepath.Join("testdata", "format1")

// everyType is a document with a value of every type of BSON that can be stored.
func everyType(t *testing.T) bson.Raw {
	t.Helper()
	number, err := bson.ParseDecimal128("-12345.678E-10")
	if err != nil {
		t.Fatal(err)
	}
	return mongofixture.Raw(t, bson.D{
		{Key: "_id", Value: bson.ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{Key: "double", Value: 0.1},
		{Key: "string", Value: "Grüße, \x00 \"世界\" \\"},
		{Key: "document", Value: bson.D{{Key: "$set", Value: 1}, {Key: "", Value: "no name"}}},
		{Key: "array", Value: bson.A{int32(1), int64(1), 1.0, bson.A{}, bson.D{}}},
		{Key: "binary", Value: bson.Binary{Subtype: 0x80, Data: []byte{0, 255}}},
		{Key: "uuid", Value: bson.Binary{Subtype: 4, Data: bytes.Repeat([]byte{7}, 16)}},
		{Key: "undefined", Value: bson.Undefined{}},
		{Key: "true", Value: true},
		{Key: "before1970", Value: bson.DateTime(-1)},
		{Key: "null", Value: nil},
		{Key: "regex", Value: bson.Regex{Pattern: "^a/b", Options: "im"}},
		{Key: "code", Value: bson.JavaScript("f()")},
		{Key: "scoped", Value: bson.CodeWithScope{Code: "g()", Scope: bson.D{{Key: "x", Value: int32(1)}}}},
		{Key: "symbol", Value: bson.Symbol("s")},
		{Key: "int", Value: int32(-1)},
		{Key: "timestamp", Value: bson.Timestamp{T: 1 << 31, I: 1}},
		{Key: "long", Value: int64(-1 << 63)},
		{Key: "decimal", Value: number},
		{Key: "min", Value: bson.MinKey{}},
		{Key: "max", Value: bson.MaxKey{}},
	})
}

// newFormat1Server returns the server that the repositories back up, as it was at the first backup.
func newFormat1Server(t *testing.T) deployment {
	t.Helper()
	d := newDeployment(t)
	for _, command := range []bson.D{
		{{Key: "create", Value: "log"}, {Key: "capped", Value: true}, {Key: "size", Value: 1 << 20}},
		{{Key: "create", Value: "empty"}},
		{{Key: "create", Value: "seen"}, {Key: "viewOn", Value: "log"}, {Key: "pipeline", Value: bson.A{}}},
	} {
		if err := d.client.Database("crm").RunCommand(t.Context(), command).Err(); err != nil {
			t.Fatal(err)
		}
	}
	d.fill(t, "crm", "log", 10, 5, 10)
	d.fill(t, "crm", "log", 0, 5, 10)
	d.fill(t, "shop", "orders", 0, 900, 250)
	d.fill(t, "shop", "odd. na*me\\ é", 0, 5, 10)
	d.Add("shop", "types", everyType(t))
	return d
}

// format1Backup is a backup of the repository that is encrypted.
type format1Backup struct {
	label    string
	encoding backup.Encoding
	more     int // orders, added before the backup
	reuses   bool
}

// format1Backups are its backups, the oldest first.
var format1Backups = []format1Backup{
	{"deleted", backup.JSONGzip, 0, false},
	{"first", backup.JSONGzip, 300, true},
	{"second", backup.BSONZstd, 300, false},
	{"third", backup.BSONZstd, 300, true},
	{"new epoch", backup.JSONZstd, 300, false},
}

// format1Orders returns how many orders the server had at the n-th backup.
func format1Orders(n int) int {
	all := 900
	for _, b := range format1Backups[:n+1] {
		all += b.more
	}
	return all
}

// backUpFormat1 makes the n-th backup.
func backUpFormat1(t *testing.T, r *backup.Repository, d deployment, n int) {
	t.Helper()
	b := format1Backups[n]
	d.fill(t, "shop", "orders", format1Orders(n)-b.more, b.more, 250)
	opts := small()
	opts.Label, opts.Encoding = b.label, b.encoding
	report, err := backUp(t.Context(), r, d, opts)
	if err != nil {
		t.Fatal(err)
	}
	if reuses := report.Counts.Reused > 0; reuses != b.reuses {
		t.Fatalf("%s: %+v", b.label, report.Counts)
	}
}

// TestMakeFormat1 makes the repositories, with -make-format1 and in no other case:
//
//   - encrypted: signed, with five backups. The first is deleted, and the second reuses it. The fourth is
//     proven. The last has another epoch. Its keys were changed to those of the second person.
//   - copy: of the fourth of them, made before. The first person still reads it.
//   - plain: not encrypted and not signed, with one backup.
func TestMakeFormat1(t *testing.T) {
	if !*makeFormat1 {
		t.Skip("only with -make-format1")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.RemoveAll(format1))
	me, next := newPerson(t), newPerson(t)
	secret, err := me.sign.Marshal()
	must(err)
	for _, name := range []string{"throwaway-keys", "encrypted", "copy", "plain"} {
		must(os.MkdirAll(filepath.Join(format1, name), 0o755))
	}
	for name, content := range map[string][]byte{
		"first.txt":  []byte(me.identity.String() + "\n"),
		"second.txt": []byte(next.identity.String() + "\n"),
		"sign.key":   secret,
	} {
		must(os.WriteFile(filepath.Join(format1, "throwaway-keys", name), content, 0o644))
	}
	d := newFormat1Server(t)
	r, err := backup.Init(t.Context(), dirstore.New(filepath.Join(format1, "encrypted"), nil), me.keys(), nil)
	must(err)
	for n := range 4 {
		backUpFormat1(t, r, d, n)
	}
	newest, err := r.View(t.Context(), "")
	must(err)
	_, err = backup.Run(t.Context(), newest.Verify(backup.Read, nil), 1)
	must(err)
	_, err = backup.Run(t.Context(), newest.Copy(dirstore.New(filepath.Join(format1, "copy"), nil), nil), 1)
	must(err)
	_, err = r.Prune(t.Context(), backup.Retention{Last: 3}, nil)
	must(err)
	keys := me.keys()
	keys.Recipients = []age.Recipient{next.identity.Recipient()}
	keys.Identities = append(keys.Identities, next.identity)
	r, err = backup.Open(t.Context(), dirstore.New(filepath.Join(format1, "encrypted"), nil), keys)
	must(err)
	must(r.Rekey(t.Context()))
	must(r.NewEpoch(t.Context()))
	backUpFormat1(t, r, d, 4)
	plain, err := backup.Init(t.Context(), dirstore.New(filepath.Join(format1, "plain"), nil), backup.Keys{},
		&backup.InitOptions{Plain: true})
	must(err)
	opts := small()
	opts.Encoding = backup.BSONGzip
	_, err = backUp(t.Context(), plain, newFormat1Server(t), opts)
	must(err)
}

// format1Documents returns what the collections of the n-th backup have.
func format1Documents(t *testing.T, n int) map[string][]bson.Raw {
	t.Helper()
	d := newFormat1Server(t)
	d.fill(t, "shop", "orders", 900, format1Orders(n)-900, 250)
	all := map[string][]bson.Raw{}
	for _, c := range [][2]string{
		{"crm", "log"}, {"crm", "empty"}, {"shop", "orders"}, {"shop", "odd. na*me\\ é"}, {"shop", "types"},
	} {
		all[c[0]+"."+c[1]] = slices.Clone(d.Documents(c[0], c[1]))
	}
	return all
}

// format1Clocks are clocks of machines that read the repositories, from wrong to far in the future.
func format1Clocks() map[string]time.Time {
	clocks := map[string]time.Time{"now": time.Now()}
	for _, year := range []int{1971, 2026, 2027, 2126} {
		clocks[fmt.Sprint(year)] = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return clocks
}
