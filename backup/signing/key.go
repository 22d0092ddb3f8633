// Package signing signs what a backup repository publishes, in the format of minisign
// (https://jedisct1.github.io/minisign/). The program minisign verifies the signatures:
//
//	minisign -V -p key.pub -m manifest.json -x manifest.json.sig
//
// A signature covers the message and a trusted comment, which says what the message is. So the
// signature of one object is not accepted for another.
package signing

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"aead.dev/minisign"

	"github.com/millweir/millweir/internal/redact"
	"github.com/millweir/millweir/stream"
)

// Key is a secret key. Printing it shows only its number.
type Key struct {
	redact.Text
	secret func() minisign.PrivateKey
}

func newKey(secret minisign.PrivateKey) *Key {
	return &Key{redact.Text(fmt.Sprintf("signing key %016X", secret.ID())), redact.Opaque(secret)}
}

// Generate returns a new secret key.
func Generate() (*Key, error) {
	_, secret, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("signing: generate a key: %w", err)
	}
	return newKey(secret), nil
}

// ErrPassword is the error of [ParseKey] if the password is wrong or missing.
var ErrPassword = stream.Mark(errors.New("the key needs its password"), stream.Fatal)

// ParseKey parses the file of a secret key, as minisign -G writes it. If the key is encrypted,
// ParseKey calls password, which may be nil if it is not.
func ParseKey(file []byte, password func() (string, error)) (*Key, error) {
	if !minisign.IsEncrypted(file) {
		var secret minisign.PrivateKey
		if err := secret.UnmarshalText(file); err != nil {
			return nil, errNoKey // the library's error may have parts of the file
		}
		return newKey(secret), nil
	}
	if password == nil {
		return nil, fmt.Errorf("signing: parse a secret key: %w", ErrPassword)
	}
	text, err := password()
	if err != nil {
		return nil, fmt.Errorf("signing: parse a secret key: %w", err)
	}
	secret, err := minisign.DecryptKey(text, file)
	if err != nil {
		return nil, fmt.Errorf("signing: parse a secret key: %w", ErrPassword)
	}
	return newKey(secret), nil
}

var errNoKey = stream.Mark(errors.New("signing: parse a secret key: it is no secret key of minisign"), stream.Fatal)

// Marshal returns the file of the key, without encryption.
func (k *Key) Marshal() ([]byte, error) { return k.secret().MarshalText() }

// Public returns the public key.
func (k *Key) Public() PublicKey { return PublicKey{k.secret().Public().(minisign.PublicKey)} }

// Sign returns the signature of the message with this trusted comment, which must be one line.
func (k *Key) Sign(message []byte, comment string) ([]byte, error) {
	if comment == "" || strings.ContainsAny(comment, "\r\n") {
		return nil, stream.Mark(fmt.Errorf("signing: the comment %q is not one line", comment), stream.Fatal)
	}
	r := minisign.NewReader(bytes.NewReader(message))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return r.SignWithComments(k.secret(), comment, "signature of millweir"), nil
}

// Derive returns 32 secret bytes that depend on the key and the purpose only.
func (k *Key) Derive(purpose string) ([]byte, error) {
	const seedAt, seedLength = 62, 32 // in the decoded second line of the file
	file, err := k.Marshal()
	if err != nil {
		return nil, fmt.Errorf("signing: derive: %w", err)
	}
	_, line, _ := bytes.Cut(file, []byte("\n"))
	data, err := base64.StdEncoding.DecodeString(string(line))
	if err != nil || len(data) < seedAt+seedLength {
		return nil, errNoKey
	}
	return hkdf.Key(sha256.New, data[seedAt:seedAt+seedLength], nil, "millweir "+purpose, 32)
}
