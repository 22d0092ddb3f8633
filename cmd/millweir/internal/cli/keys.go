package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
)

// LoadIdentities returns the secret keys in the file that a flag names. Other users must not be
// able to read or write the file.
func LoadIdentities(flag, file string) ([]age.Identity, error) {
	text, err := readKeys(flag, file, secretFile)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	ids, err := agecodec.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %s", flag, file, reason(err))
	}
	return ids, nil
}

// ReadSecret returns the file of a secret, given by a flag. Other users must not be able to read or
// write it.
func ReadSecret(flag, file string) ([]byte, error) { return readKeys(flag, file, secretFile) }

// ReadPublic returns the file of a public key, given by a flag. Other users must not be able to
// write it.
func ReadPublic(flag, file string) ([]byte, error) { return readKeys(flag, file, publicFile) }

// reason returns the text of err without the prefix of its function.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "agecodec: parse recipients: ")
	return strings.TrimPrefix(text, "agecodec: parse identities: ")
}

// readKeys reads a file of keys. It does not show a key that was given in place of the file's name.
func readKeys(flag, file string, trusted func(file string, info fs.FileInfo) error) ([]byte, error) {
	if upper := strings.ToUpper(file); strings.Contains(upper, "AGE-SECRET-KEY") ||
		strings.Contains(upper, "PRIVATE KEY") {
		return nil, Usagef("%s wants the name of a file, not a secret key: write the key into a file", flag)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, openError(flag, err)
	}
	defer f.Close()       //nolint:errcheck // opened only for reading
	info, err := f.Stat() // of the open file, which cannot be replaced
	if err == nil && info.Mode().IsRegular() && modesAreReal {
		err = trusted(file, info)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, openError(flag, err)
	}
	return text, nil
}

// openError returns the error of a file that a flag names, without the name: it may be a secret
// that was given in place of a name.
func openError(flag string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return Errorf("%s: the file cannot be opened: %w", flag, err)
}

// modesAreReal is false on Windows, because a file's mode does not say there who can read it.
const modesAreReal = runtime.GOOS != "windows"

// Bits of a file's mode.
const (
	othersWrite   = 0o022 // by the group and by everyone
	othersRead    = 0o044
	everyoneWrite = 0o002
)

// secretFile rejects a file of secret keys, as ssh does, if others can write it, or if the user
// owns it and others can read it. A mounted file, such as a Kubernetes secret, belongs to another
// user, and this user cannot choose its readers. Pipes and devices, such as /dev/stdin or a shell's
// <(…), are not checked.
func secretFile(file string, info fs.FileInfo) error {
	mode := info.Mode().Perm()
	switch {
	case mode&othersWrite != 0:
		return fmt.Errorf("others can write %s (mode %04o), and so replace your key: chmod 600 %[1]s", file, mode)
	case mode&othersRead != 0 && ownedByUser(info):
		return fmt.Errorf("others can read %s (mode %04o): chmod 600 %[1]s, or mount it with mode 0400", file, mode)
	}
	return nil
}

// publicFile rejects a file of public keys that everyone can write: a user who adds a key can read
// the backups.
func publicFile(file string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&everyoneWrite != 0 {
		return fmt.Errorf("everyone can write %s (mode %04o), and so let themselves read the backups: chmod o-w "+
			"%[1]s", file, mode)
	}
	return nil
}
