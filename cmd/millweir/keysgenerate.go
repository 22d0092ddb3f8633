package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// newKeys are files of new keys. If one cannot be written, the others are removed: the command can be
// repeated.
type newKeys struct{ written []string }

// generate makes the keys that have a file.
func (a *app) generate(identity, signingKey string) (err error) {
	var made newKeys
	defer func() {
		if err != nil {
			err = errors.Join(err, made.remove())
		}
	}()
	var reads *age.X25519Identity
	var signs *signing.Key
	if identity != "" {
		if reads, err = made.identity(identity); err != nil {
			return err
		}
	}
	if signingKey != "" {
		if signs, err = made.signingKey(signingKey); err != nil {
			return err
		}
	}
	if reads != nil {
		a.program.Done(cli.Textf("wrote the secret key of %s to %s", reads.Recipient().String(), identity), "key made",
			"recipient", reads.Recipient().String(), "file", identity)
	}
	if signs != nil {
		a.program.Done(cli.Textf("wrote the signing key to %s, and its public key %s to %[1]s.pub", signingKey,
			signs.Public().String()), "key made", "public_key", signs.Public().String(), "file", signingKey)
	}
	return nil
}

// identity writes a new key that reads.
func (n *newKeys) identity(file string) (*age.X25519Identity, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, cli.Errorf("make a key: %w", err)
	}
	text := fmt.Sprintf("# created: %s\n# public key: %s\n%s\n", time.Now().Format(time.RFC3339), key.Recipient(), key)
	return key, n.write(file, []byte(text), secretMode)
}

// signingKey writes a new key that signs, and its public key.
func (n *newKeys) signingKey(file string) (*signing.Key, error) {
	key, err := signing.Generate()
	if err != nil {
		return nil, cli.Errorf("make a key: %w", err)
	}
	secret, err := key.Marshal()
	if err != nil {
		return nil, cli.Errorf("make a key: %w", err)
	}
	defer clear(secret)
	if err := n.write(file, secret, secretMode); err != nil {
		return nil, err
	}
	public := "untrusted comment: minisign public key of millweir\n" + key.Public().String() + "\n"
	return key, n.write(file+".pub", []byte(public), publicMode)
}

// Modes of the files of keys.
const (
	secretMode fs.FileMode = 0o600
	publicMode fs.FileMode = 0o644
)

// write writes a file that does not exist.
func (n *newKeys) write(file string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return existsAlready(file)
	}
	if err != nil {
		return cli.Errorf("%w", err)
	}
	n.written = append(n.written, file)
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return cli.Errorf("%w", err)
	}
	return nil
}

// remove removes the files that were written.
func (n *newKeys) remove() (err error) {
	for _, file := range n.written {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}
