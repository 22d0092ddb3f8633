package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// cage maps the names of secrets to their forms: plain, in base64 at each alignment, in
// hexadecimal, and encoded for URLs and JSON.
type cage map[string][]string

func newCage(secrets map[string]string) cage {
	c := cage{}
	for name, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		c[name] = slices.Concat([]string{
			secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret),
			hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		}, inBase64(base64.StdEncoding, secret), inBase64(base64.URLEncoding, secret))
	}
	return c
}

// inBase64 returns, for each alignment of the secret in a text, the characters of the text's base64
// that depend on the secret alone.
func inBase64(encoding *base64.Encoding, secret string) (parts []string) {
	for before := range 3 {
		whole := encoding.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("x", before) + secret))
		first := (before*8 + 5) / 6
		last := (before + len(secret)) * 8 / 6
		parts = append(parts, whole[first:last])
	}
	return parts
}

// find returns the names of the secrets in a text. It also searches what a gzip text contains.
func (c cage) find(text []byte) (found []string) {
	texts := [][]byte{text}
	if zipped, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
		plain, _ := io.ReadAll(zipped) // what can be read, if it is damaged
		texts = append(texts, plain)
	}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		has := func(text []byte) bool {
			return slices.ContainsFunc(c[name], func(form string) bool { return bytes.Contains(text, []byte(form)) })
		}
		if slices.ContainsFunc(texts, has) {
			found = append(found, name)
		}
	}
	return found
}

// The cage finds each secret in each form, at any offset, and in compressed text.
func TestCage(t *testing.T) {
	for _, secret := range canaries {
		c := newCage(map[string]string{"it": secret})
		for _, text := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
			strings.ToUpper(hex.EncodeToString([]byte(secret))),
			base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte("a" + secret + "b")),
			base64.RawURLEncoding.EncodeToString([]byte("ab" + secret + "bc")),
			base64.URLEncoding.EncodeToString([]byte("abc" + secret + "?")),
		} {
			var zipped bytes.Buffer
			w := gzip.NewWriter(&zipped)
			_, _ = w.Write([]byte("<" + text + ">"))
			_ = w.Close()
			if len(c.find([]byte("<"+text+">"))) != 1 || len(c.find(zipped.Bytes())) != 1 {
				t.Errorf("%s was not found in %s", secret, text)
			}
		}
		if c.find([]byte(secret[:len(secret)-1])) != nil {
			t.Errorf("%s was found where it is not", secret)
		}
	}
}
