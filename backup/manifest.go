package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Manifest describes a complete backup. It is not encrypted, so that backups can be listed and pruned
// without a key. It has no documents, no _ids, no options and no indexes.
type Manifest struct {
	Kind       string `json:"millweir"` // "backup"
	Format     int    `json:"format"`
	Reader     int    `json:"reader"`     // the oldest version of the format that a reader must know
	Repository string `json:"repository"` // its id
	Run        string `json:"run"`        // the name of the backup

	Tool   string    `json:"tool"`            // that made it, with its version
	Label  string    `json:"label,omitempty"` // that the user gave
	Server Server    `json:"server"`
	Began  time.Time `json:"began"` // when the plan was stored, by the writer's clock
	Ended  time.Time `json:"ended"` // when the last segment was read, by the writer's clock

	// Consistency is what was reached for all collections: "fuzzy", "per range" or "instant". First
	// and Last are the cluster times between which the documents were read; zero if the server has
	// none. With instant, both are the time of the snapshot.
	Consistency string    `json:"consistency"`
	First       Timestamp `json:"first,omitzero"`
	Last        Timestamp `json:"last,omitzero"`

	Epoch    string   `json:"epoch,omitempty"`  // whose identity reads the data; "" without encryption
	Parent   string   `json:"parent,omitempty"` // the backup whose segments were reused
	Encoding Encoding `json:"encoding"`         // of new segments

	// Retain says until when all objects of the backup are protected from deletion. Zero means that
	// they are not.
	Retain time.Time `json:"retain,omitzero"`

	Collections []CollectionEntry `json:"collections"`
	Objects     Tally             `json:"objects"`           // of the rows of the list of its objects
	LeftOut     []LeftOut         `json:"leftOut,omitempty"` // that was selected and could not be kept

	sha256 string // of the object, if it was read from one
}

// Server describes the deployment that was backed up.
type Server struct {
	Version  string `json:"version,omitempty"`
	Topology string `json:"topology,omitempty"` // standalone, replica set or sharded
	Name     string `json:"name,omitempty"`     // of the replica set
}

// Timestamp is a cluster time: seconds, and a number within the second.
type Timestamp struct {
	T uint32 `json:"t"`
	I uint32 `json:"i"`
}

func timestamp(t bson.Timestamp) Timestamp { return Timestamp{t.T, t.I} }

// CollectionEntry describes a collection of a backup: its n-th.
type CollectionEntry struct {
	Database   string `json:"database"`
	Collection string `json:"collection"`
	Kind       Kind   `json:"kind"`

	Documents int64 `json:"documents"`
	Bytes     int64 `json:"bytes"`    // of the documents as BSON
	Stored    int64 `json:"stored"`   // bytes of the segments in the repository
	Reused    int64 `json:"reused"`   // of these, bytes that an earlier backup stored
	Segments  int64 `json:"segments"` // their number
	Catalog   Tally `json:"catalog"`  // of the rows of its catalog
}

// Namespace returns the database and the collection.
func (c *CollectionEntry) Namespace() mongosource.Namespace {
	return mongosource.Namespace{Database: c.Database, Collection: c.Collection}
}

// Kind says what an entry of a backup is: a kind of a collection, or the users or roles of the
// deployment.
type Kind = mongosource.Kind

// The kinds that are not collections. Their documents are those that usersInfo and rolesInfo return.
const (
	KindUsers Kind = "users"
	KindRoles Kind = "roles"
)

// LeftOut names what a backup does not have, and why.
type LeftOut struct {
	Database   string `json:"database"`
	Collection string `json:"collection,omitempty"`
	Reason     string `json:"reason"`
}

// Documents returns the number of documents of all collections.
func (m *Manifest) Documents() (n int64) {
	for i := range m.Collections {
		n += m.Collections[i].Documents
	}
	return n
}

// Bytes returns the bytes of all documents as BSON.
func (m *Manifest) Bytes() (n int64) {
	for i := range m.Collections {
		n += m.Collections[i].Bytes
	}
	return n
}

const (
	manifestKind   = "backup"
	manifestSuffix = ".json"
)

func manifestKey(run string) string { return backupsPrefix + run + manifestSuffix }

// manifestRun is the inverse of manifestKey. It returns false for other keys.
func manifestRun(key string) (run string, ok bool) {
	name, ok := strings.CutSuffix(strings.TrimPrefix(key, backupsPrefix), manifestSuffix)
	return name, ok && isName(name)
}

// manifestComment is what the signature of a manifest says that it signs.
func manifestComment(run string) string { return "backup " + run }

// putManifest stores a manifest, its signature first. This makes the backup. If the backup exists, as
// after a lost reply, it must be the same.
func (r *Repository) putManifest(ctx context.Context, m *Manifest) error {
	if err := m.check(r, m.Run); err != nil {
		return failed("write the manifest", err) // before its signature, which cannot be replaced
	}
	content, err := json.Marshal(m)
	if err != nil {
		return failed("write the manifest", err)
	}
	content = append(content, '\n')
	key := manifestKey(m.Run)
	err = r.putSignature(ctx, key, content, manifestComment(m.Run))
	if errors.Is(err, ErrExists) {
		err = r.checkManifestSignature(ctx, key, content, m.Run)
	}
	if err != nil {
		return err
	}
	if err := existing(put(ctx, r.store, key, content)); err != nil {
		return err
	}
	found, err := r.getSigned(ctx, key, manifestComment(m.Run))
	if err == nil && string(found) != string(content) {
		err = failed(key, errOtherManifest)
	}
	return err
}

// checkManifestSignature returns an error if the signature at key is not that of content. A manifest
// with the signature of another would be a damaged backup.
func (r *Repository) checkManifestSignature(ctx context.Context, key string, content []byte, run string) error {
	signature, err := get(ctx, r.store, key+signatureSuffix)
	if err != nil {
		return err
	}
	if r.keys.verify(content, signature, r.comment(manifestComment(run))) != nil {
		return failed(key, errOtherManifest)
	}
	return nil
}

var errOtherManifest = stream.Mark(errors.New("another process finished this run with another result"), stream.Fatal)

// manifest reads and checks the manifest of a backup. If the keys verify signatures, it has a trusted
// one.
func (r *Repository) manifest(ctx context.Context, run string) (*Manifest, error) {
	if !isName(run) {
		return nil, fmt.Errorf("%w: %.60q is not the name of a backup", ErrNoBackup, run)
	}
	key := manifestKey(run)
	content, err := r.getSigned(ctx, key, manifestComment(run))
	if errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnsigned) {
		return nil, fmt.Errorf("%w: %s", ErrNoBackup, run)
	}
	if err != nil {
		return nil, err
	}
	if err := checkReader(content, manifestKind); err != nil {
		return nil, failed(key, err)
	}
	hash := sha256.Sum256(content)
	m := &Manifest{sha256: hex.EncodeToString(hash[:])}
	if err := unmarshal(content, m); err != nil {
		return nil, failed(key, damaged("%w", err))
	}
	if err := m.check(r, run); err != nil {
		return nil, failed(key, err)
	}
	return m, nil
}

// ErrNoBackup is the error of a backup that does not exist, or is not complete.
var ErrNoBackup = fatal("the repository has no such backup")

// check returns an error if m cannot be the manifest of a run of r.
func (m *Manifest) check(r *Repository, run string) error {
	switch {
	case m.Kind != manifestKind || m.Format < 1:
		return damaged("it is no manifest of a backup")
	case m.Repository != r.id:
		return damaged("it belongs to the repository %.40q", m.Repository)
	case m.Run != run:
		return damaged("it belongs to the backup %.60q", m.Run)
	case r.plain != (m.Epoch == "") || m.Epoch != "" && !isName(m.Epoch):
		return damaged("its epoch %.60q does not match the repository", m.Epoch)
	case m.Parent != "" && !isName(m.Parent):
		return damaged("its parent %.60q is not a name", m.Parent)
	}
	seen := map[mongosource.Namespace]bool{}
	for i := range m.Collections {
		c := &m.Collections[i]
		if err := c.check(); err != nil {
			return damaged("collection %d: %w", i, err)
		}
		if seen[c.Namespace()] {
			return damaged("it has the collection %s twice", c.Namespace())
		}
		seen[c.Namespace()] = true
	}
	return nil
}

func (c *CollectionEntry) check() error {
	digest, err := hex.DecodeString(c.Catalog.Digest)
	_, ok := parseSum(c.Catalog.Sum)
	switch {
	case c.Database == "" || !utf8.ValidString(c.Database) || !utf8.ValidString(c.Collection):
		return errors.New("its name is not valid")
	case min(c.Documents, c.Bytes, c.Stored, c.Reused, c.Segments, c.Catalog.Documents) < 0:
		return errors.New("a count is negative")
	case c.Segments > c.Stored:
		return errors.New("it has more segments than bytes")
	case err != nil || len(digest) != 32 || !ok:
		return errors.New("the digests of its catalog are not valid")
	}
	return nil
}

// List returns a source of the manifests of all backups, the oldest first. It needs no identity. A
// manifest that is damaged, or whose signature does not match, ends the run with an error that names
// it. One that is deleted during the run may be left out.
func (r *Repository) List() stream.Source[Manifest] {
	return stream.Via2(r.Runs(), stream.MapParallel(manifestsAtOnce, r.listed),
		stream.FilterMap(func(m *Manifest) (found Manifest, ok bool) {
			if m == nil {
				return found, false
			}
			return *m, true
		}))
}

// Runs returns a source of the names of all backups, the oldest first. It reads no manifest. So it also
// gives those whose manifest is damaged: see [Repository.View].
func (r *Repository) Runs() stream.Source[string] {
	return stream.Via(r.store.List(backupsPrefix),
		stream.FilterMap(func(o Object) (string, bool) { return manifestRun(o.Key) }))
}

// listed returns the manifest of a backup that is in the list of the store, or nil if it was deleted
// since.
func (r *Repository) listed(ctx context.Context, run string) (*Manifest, error) {
	m, err := r.manifest(ctx, run)
	if err == nil {
		return m, nil
	}
	if _, gone := get(ctx, r.store, manifestKey(run)); errors.Is(gone, ErrNotFound) {
		return nil, nil
	}
	return nil, err
}

// manifestsAtOnce is how many manifests are read at once.
const manifestsAtOnce = 8
