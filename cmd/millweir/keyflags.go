package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/codec/agecodec"
)

// keyFlags are the flags of keys.
type keyFlags struct {
	recipients       []string
	recipientsFile   string
	identity         string
	signingKey       string
	signingPassword  string // a file
	trust            []string
	needsRecipients  bool
	recipientsOfFile bool // --identity also gives recipients
}

// bindReader binds the flags of a command that reads a repository.
func (k *keyFlags) bindReader(flags *pflag.FlagSet) {
	flags.StringVar(&k.identity, "identity", "", "a `FILE` of secret keys of age that read the repository")
	flags.StringArrayVar(&k.trust, "trust", nil,
		"a public `KEY` of minisign, or its file, whose signatures are accepted; may be repeated")
	k.bindSigner(flags)
}

// bindSigner binds the flags of a command that signs, or verifies signatures.
func (k *keyFlags) bindSigner(flags *pflag.FlagSet) {
	flags.StringVar(&k.signingKey, "signing-key", "", "a `FILE` with the secret key of minisign that signs")
	flags.StringVar(&k.signingPassword, "signing-password-file", "",
		"a `FILE` with the password of the signing key (default: the variable MILLWEIR_SIGNING_PASSWORD)")
}

// bindRecipients binds the flags of a command that decides who reads the repository.
func (k *keyFlags) bindRecipients(flags *pflag.FlagSet) {
	flags.StringArrayVar(&k.recipients, "recipient", nil,
		"a public `KEY` that may read: age1…, ssh-ed25519 … or ssh-rsa …; may be repeated")
	flags.StringVar(&k.recipientsFile, "recipients-file", "", "a `FILE` of public keys that may read, one a line")
	k.needsRecipients = true
}

// load reads the keys.
func (k *keyFlags) load() (keys backup.Keys, err error) {
	if k.identity != "" {
		if keys.Identities, err = cli.LoadIdentities("--identity", k.identity); err != nil {
			return keys, err
		}
	}
	if k.signingKey != "" {
		if keys.Sign, err = k.loadSigningKey(); err != nil {
			return keys, err
		}
	}
	for _, text := range k.trust {
		key, err := publicKey(text)
		if err != nil {
			return keys, err
		}
		keys.Trust = append(keys.Trust, key)
	}
	if k.needsRecipients {
		err = k.loadRecipients(&keys)
	}
	return keys, err
}

func (k *keyFlags) loadRecipients(keys *backup.Keys) error {
	lines := k.recipients
	if k.recipientsFile != "" {
		text, err := cli.ReadPublic("--recipients-file", k.recipientsFile)
		if err != nil {
			return err
		}
		lines = append(lines[:len(lines):len(lines)], string(text))
	}
	for _, line := range lines {
		all, err := agecodec.ParseRecipients(line)
		if err != nil { // the key is not shown, because it may be a secret key
			return cli.Usagef("--recipient or --recipients-file: it has a key that is no public key of age or ssh")
		}
		keys.Recipients = append(keys.Recipients, all...)
	}
	if !k.recipientsOfFile || len(lines) > 0 {
		return nil
	}
	for _, identity := range keys.Identities {
		recipient, err := agecodec.RecipientOf(identity)
		if err != nil {
			return cli.Usagef("--identity %s: the public key does not follow from this key: give it with --recipient",
				k.identity)
		}
		keys.Recipients = append(keys.Recipients, recipient)
	}
	return nil
}

func (k *keyFlags) loadSigningKey() (*signing.Key, error) {
	file, err := cli.ReadSecret("--signing-key", k.signingKey)
	if err != nil {
		return nil, err
	}
	defer clear(file)
	var unread error
	key, err := signing.ParseKey(file, func() (password string, err error) {
		password, err = k.password()
		unread = err
		return password, err
	})
	switch {
	case unread != nil:
		return nil, unread
	case errors.Is(err, signing.ErrPassword):
		return nil, cli.Usagef("--signing-key %s: the password is missing or wrong: give --signing-password-file or "+
			"MILLWEIR_SIGNING_PASSWORD", k.signingKey)
	case err != nil:
		return nil, cli.Usagef("--signing-key %s is no secret key of minisign (millweir keys generate makes one)",
			k.signingKey)
	}
	return key, nil
}

func (k *keyFlags) password() (string, error) {
	if k.signingPassword == "" {
		return os.Getenv(passwordVariable), nil
	}
	text, err := cli.ReadSecret("--signing-password-file", k.signingPassword)
	return strings.TrimRight(string(text), "\r\n"), err
}

// publicKey parses a public key of minisign, or the file of one.
func publicKey(text string) (signing.PublicKey, error) {
	key, err := signing.ParsePublicKey(text)
	if err == nil {
		return key, nil
	}
	file, readErr := cli.ReadPublic("--trust", text)
	switch {
	case errors.Is(readErr, fs.ErrNotExist), errors.Is(readErr, syscall.ENAMETOOLONG):
		return key, cli.Usagef("--trust: it is no public key of minisign, and there is no file of this name")
	case readErr != nil: // others can write the file, or this user may not read it
		return key, readErr
	}
	if key, err = signing.ParsePublicKey(string(file)); err != nil {
		return key, cli.Usagef("--trust: it is neither a public key of minisign nor the file of one")
	}
	return key, nil
}

// open opens the repository at a location.
func (a *app) open(ctx context.Context, location string, store *storeFlags, k *keyFlags) (*backup.Repository, place,
	error,
) {
	keys, err := k.load()
	if err != nil {
		return nil, place{}, err
	}
	at, err := a.store(ctx, location, store)
	if err != nil {
		return nil, at, err
	}
	r, err := backup.Open(ctx, at.store, keys)
	return r, at, a.explain(at, err)
}

// explain adds to an error of a repository what to do about it.
func (a *app) explain(at place, err error) error {
	switch {
	case err == nil:
		return nil
	case (errors.Is(err, backup.ErrNoRepository) || errors.Is(err, fs.ErrNotExist)) && at.missing():
		return cli.Errorf("%s has no repository, because it does not exist: mount it, correct the name, or make one with "+
			"millweir init (%w)", at.name, err)
	case errors.Is(err, backup.ErrNoRepository) && errors.Is(err, backup.ErrNotFound):
		return cli.Errorf("%s has no repository: correct the name, or make one with millweir init (%w)", at.name, err)
	case errors.Is(err, backup.ErrNoRepository):
		return cli.Errorf("the file of the repository at %s is damaged, or that of another program: restore it from a "+
			"copy of the repository, or choose another place (%w)", at.name, err)
	case errors.Is(err, backup.ErrPattern):
		return cli.Usagef("%w", err)
	case errors.Is(err, backup.ErrEmptyRange):
		return cli.Usagef("%w: --to must come after --from", err)
	case errors.Is(err, backup.ErrUnfinished):
		return cli.Errorf("%s is unfinished: run millweir init again (%w)", at.name, err)
	case errors.Is(err, backup.ErrNewerFormat):
		return cli.Errorf("%w: install a newer version of millweir", err)
	case errors.Is(err, backup.ErrUnsigned):
		return cli.Errorf("%w, although --signing-key or --trust is given: leave these out to accept that", err)
	case errors.Is(err, signing.ErrSignature):
		return cli.Errorf("%w: give the key that signed it, with --trust or --signing-key, or do not trust this "+
			"repository", err)
	case errors.Is(err, backup.ErrCannotSign):
		return cli.Errorf("%w: give --signing-key", err)
	case errors.Is(err, backup.ErrNoKey):
		return cli.Errorf("%w: give the right --identity", err)
	case errors.Is(err, backup.ErrNoBackup):
		return cli.Errorf("%w: millweir list %s shows those that it has", err, at.name)
	case errors.Is(err, backup.ErrNoBackups):
		return cli.Errorf("%w: say --without-backups", err)
	case errors.Is(err, backup.ErrUnverified):
		return cli.Errorf("%w; nothing was deleted. Run millweir verify %s, or say --unverified", err, at.name)
	}
	return at.explain(err)
}
