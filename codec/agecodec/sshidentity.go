package agecodec

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// ErrKeyEncrypted means that an SSH private key is protected by a passphrase. [ParseSSHIdentity]
// reads such keys. Its class is Fatal.
var ErrKeyEncrypted = fatal("the SSH key is protected by a passphrase")

// ParseSSHIdentity returns the identity of an SSH private key in PEM (Ed25519 or RSA). If a
// passphrase protects the key, in the OpenSSH form, passphrase is called at the first run of a file
// encrypted to the key, and not again after the right answer. If passphrase is nil, such a key is
// [ErrKeyEncrypted]. An error of passphrase ends the run, wrapped.
func ParseSSHIdentity(pem []byte, passphrase func() ([]byte, error)) (age.Identity, error) {
	id, err := parseSSHIdentity(pem, passphrase)
	if err != nil {
		return nil, fmt.Errorf("agecodec: parse identities: %w", err)
	}
	return id, nil
}

func parseSSHIdentity(pem []byte, passphrase func() ([]byte, error)) (age.Identity, error) {
	id, err := agessh.ParseIdentity(pem)
	var missing *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return Hide(id), nil
	case !errors.As(err, &missing):
		return nil, errMalformedKey
	case passphrase == nil || missing.PublicKey == nil:
		return nil, ErrKeyEncrypted
	}
	k := new(protectedSSHKey)
	k.id, err = agessh.NewEncryptedSSHIdentity(missing.PublicKey, bytes.Clone(pem), func() ([]byte, error) {
		p, err := passphrase()
		k.promptErr = err
		return p, err
	})
	if err != nil {
		return nil, errMalformedKey
	}
	return Hide(k), nil
}

// protectedSSHKey is an SSH key protected by a passphrase. Concurrent runs may use it: only one of
// them asks for the passphrase.
type protectedSSHKey struct {
	mu        sync.Mutex
	id        *agessh.EncryptedSSHIdentity
	promptErr error // the error of the passphrase function
}

// Unwrap implements [age.Identity].
func (k *protectedSSHKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.promptErr = nil
	fileKey, err := k.id.Unwrap(stanzas)
	if err != nil && k.promptErr != nil {
		return nil, fmt.Errorf("the passphrase of the SSH key: %w", k.promptErr) // age keeps only the text of promptErr
	}
	return fileKey, err
}
