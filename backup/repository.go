package backup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/stream"
)

// Repository is a place for backups: one prefix of one store. It is safe for concurrent use, also by
// several processes, and holds no lock.
type Repository struct {
	store Store
	keys  Keys
	id    string
	plain bool // not encrypted

	clock func() time.Time // nil means time.Now; tests have clocks that differ
}

// now returns the time by the clock of this process.
func (r *Repository) now() time.Time {
	if r.clock == nil {
		return time.Now()
	}
	return r.clock()
}

// ID returns the random name that the repository got from [Init].
func (r *Repository) ID() string { return r.id }

// Errors of a repository. All have class Fatal.
var (
	// ErrNoRepository means that the store has no repository, or that what is there is none.
	ErrNoRepository = fatal("the store has no repository")
	// ErrNotEmpty means that [Init] found objects in the store.
	ErrNotEmpty = fatal("the store is not empty")
	// ErrNewerFormat means that the repository needs a newer version of this library.
	ErrNewerFormat = fatal("the format is newer than this version reads")
	// ErrNoRecipients means that [Init] or Rekey has no recipient.
	ErrNoRecipients = fatal("no recipients: nobody could read the repository")
	// ErrNoKey means that no identity of the keys reads the repository.
	ErrNoKey = fatal("none of the identities reads the repository")
	// ErrShredded means that the keys of the repository, or of an epoch of it, were deleted.
	ErrShredded = fatal("the keys were shredded: what they encrypted cannot be read")
	// ErrPlain means that the repository has no keys, because it is not encrypted.
	ErrPlain = fatal("the repository is not encrypted")
	// ErrUnfinished means that the repository has no key pair: its [Init] has not finished.
	ErrUnfinished = fatal("the repository is unfinished: repeat Init")
	// ErrCannotSign means that the keys have no secret key to sign with, and the repository is
	// signed, or the keys verify signatures.
	ErrCannotSign = fatal("the key to sign with is missing")
	// ErrUnsigned means that there is no signature although signatures are verified.
	ErrUnsigned = fatal("it is not signed")
)

func fatal(text string) error { return stream.Mark(errors.New(text), stream.Fatal) }

// format is the version of the format that this package writes, and the newest that it reads.
const format = 1

// repositoryKey is the key of the object that makes a repository.
const repositoryKey = "repo.json"

// repositoryFile is the content of the object at repositoryKey.
type repositoryFile struct {
	Kind      string    `json:"millweir"` // "repository"
	Format    int       `json:"format"`
	Reader    int       `json:"reader"` // the oldest version of the format that a reader must know
	ID        string    `json:"id"`     // 32 hexadecimal digits
	Created   time.Time `json:"created"`
	Encrypted bool      `json:"encrypted"`
}

const repositoryKind = "repository"

// Open opens the repository in the store. If the keys verify signatures, the repository must be
// signed by one of them.
func Open(ctx context.Context, store Store, keys Keys) (*Repository, error) {
	r := &Repository{store: store, keys: keys.clone()}
	if err := r.load(ctx); err != nil {
		return nil, failed("open", err)
	}
	if err := r.checkSigned(ctx, repositoryKey, repositoryKind); err != nil {
		return nil, failed("open", err)
	}
	return r, nil
}

// load reads the object that makes a repository.
func (r *Repository) load(ctx context.Context) error {
	content, err := get(ctx, r.store, repositoryKey)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrNoRepository, err)
	}
	if err != nil {
		return err
	}
	if err := checkReader(content, repositoryKind); err != nil {
		return err
	}
	var file repositoryFile
	if err := unmarshal(content, &file); err != nil || file.Kind != repositoryKind || !isID(file.ID) {
		return fmt.Errorf("%w: %s is no file of millweir", ErrNoRepository, repositoryKey)
	}
	r.id, r.plain = file.ID, !file.Encrypted
	return nil
}

// isID reports whether text can be the id of a repository.
func isID(text string) bool {
	p, err := hex.DecodeString(text)
	return err == nil && len(p) == 16 && text == hex.EncodeToString(p)
}

// randomHex returns n random bytes as hexadecimal digits.
func randomHex(n int) string {
	p := make([]byte, n)
	_, _ = rand.Read(p) // it never fails
	return hex.EncodeToString(p)
}

// failed returns err with what was done.
func failed(what string, err error) error { return fmt.Errorf("backup: %s: %w", what, err) }

// unsigned returns ErrUnsigned if err is that of a missing object, and err otherwise.
func unsigned(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrUnsigned
	}
	return err
}
