package agecodec

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// Constants of the format (https://c2sp.org/age).
const (
	intro       = "age-encryption.org/v1\n"
	footer      = "---"
	footerSize  = len("--- \n") + (sha256.Size*8+5)/6 // bytes of the last line
	lineColumns = 64                                  // base64 characters in a full line
	fileKeySize = 16
	maxHeader   = 2 << 20 // bytes of a header that filippo.io/age reads
)

var b64 = base64.RawStdEncoding.Strict()

var errStanza = fatal("a recipient made a malformed stanza")

// sealHeader returns a header that gives fileKey to each of the recipients.
func sealHeader(ctx context.Context, fileKey []byte, recipients []age.Recipient) ([]byte, error) {
	b := []byte(intro)
	var labels []string
	for i, r := range recipients {
		stanzas, l, err := wrapKey(ctx, r, fileKey)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("recipient %d: %w", i+1, err)
		}
		l = slices.Sorted(slices.Values(l))
		if i > 0 && !slices.Equal(l, labels) {
			return nil, errIncompatible
		}
		labels = l
		for _, s := range stanzas {
			if b, err = appendStanza(b, s); err != nil {
				return nil, fmt.Errorf("recipient %d: %w", i+1, err)
			}
		}
	}
	if len(b) == len(intro) {
		return nil, errStanza
	}
	b = append(b, footer...)
	mac, err := headerMAC(fileKey, b)
	if err != nil {
		return nil, err
	}
	b = append(b, ' ')
	b = b64.AppendEncode(b, mac)
	b = append(b, '\n')
	if err := parseHeader(b, func([]*age.Stanza) {}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecipients, err)
	}
	return b, nil
}

// wrapping is the result of a recipient: the stanzas of a file key, and the labels. All recipients
// of a file must have the same labels.
type wrapping struct {
	stanzas []*age.Stanza
	labels  []string
}

// wrapKey returns the stanzas and labels of r. It returns soon after ctx is done. r gets a copy of
// the key, because it may change or keep it.
func wrapKey(ctx context.Context, r age.Recipient, fileKey []byte) ([]*age.Stanza, []string, error) {
	keyCopy := bytes.Clone(fileKey)
	wrap := func() (wrapping, error) {
		defer clear(keyCopy)
		if l, ok := r.(age.RecipientWithLabels); ok {
			stanzas, labels, err := l.WrapWithLabels(keyCopy)
			return wrapping{stanzas, labels}, err
		}
		stanzas, err := r.Wrap(keyCopy)
		return wrapping{stanzas: stanzas}, err
	}
	var w wrapping
	var err error
	switch r := r.(type) {
	case *passphrase:
		defer clear(keyCopy)
		return r.wrap(ctx, keyCopy)
	case *age.X25519Recipient, *age.HybridRecipient, *agessh.Ed25519Recipient, *agessh.RSARecipient:
		w, err = wrap()
	default:
		w, err = callDetached(ctx, wrap)
	}
	return w.stanzas, w.labels, err
}

// appendStanza appends s in text form.
func appendStanza(b []byte, s *age.Stanza) ([]byte, error) {
	b = append(b, "->"...)
	for _, word := range append([]string{s.Type}, s.Args...) {
		if !isWord(word) {
			return nil, errStanza
		}
		b = append(append(b, ' '), word...)
	}
	b = append(b, '\n')
	body := b64.AppendEncode(nil, s.Body)
	for len(body) >= lineColumns {
		b = append(append(b, body[:lineColumns]...), '\n')
		body = body[lineColumns:]
	}
	return append(append(b, body...), '\n'), nil // a short line, possibly empty, ends the body
}

// isWord reports whether s can be a word of a stanza's first line.
func isWord(s string) bool {
	for i := range len(s) {
		if s[i] < 33 || s[i] > 126 {
			return false
		}
	}
	return s != ""
}

// headerMAC returns the MAC of a header up to and including its footer "---".
func headerMAC(fileKey, header []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, fileKey, nil, "header", sha256.Size)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write(header)
	return h.Sum(nil), nil
}
