package agecodec_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// canary is a secret, and the identity or recipient that must not show it.
type canary struct {
	what  any
	forms []string // printed forms of the secret
}

// forms returns the texts that printing the bytes of a secret could produce.
func forms(secret []byte) []string {
	return []string{
		string(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), strings.Trim(fmt.Sprint(secret), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{"), "}"),
		base64.StdEncoding.EncodeToString(secret),
		strings.ReplaceAll(strings.Trim(fmt.Sprint(secret), "[]"), " ", ","),
	}
}

// bytesIn returns the contents of all byte slices and arrays in v of 16 bytes or more, at any
// depth.
func bytesIn(v reflect.Value, depth int) [][]byte {
	var all [][]byte
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && depth > 0 {
			return bytesIn(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			all = append(all, bytesIn(v.Field(i), depth-1)...)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 || v.Len() < 16 {
			break
		}
		b := make([]byte, v.Len())
		for i := range b {
			b[i] = byte(v.Index(i).Uint())
		}
		all = append(all, b)
	}
	return all
}

// secretsOf returns the printed forms of the secrets in an identity of age.
func secretsOf(t *testing.T, id any) []string {
	t.Helper()
	var all []string
	for _, b := range bytesIn(reflect.ValueOf(id), 8) {
		all = append(all, forms(b)...)
	}
	if s, ok := id.(fmt.Stringer); ok {
		all = append(all, s.String(), strings.ToLower(s.String()))
	}
	if len(all) == 0 {
		t.Fatalf("no secrets found in a %T", id)
	}
	return all
}

// canaries returns a canary of each kind.
func canaries(t *testing.T) map[string]canary {
	t.Helper()
	x, pq := newKey(t), newHybridKey(t)
	const password = "xyzzy-canary-pass"
	word, err := age.NewScryptIdentity(password)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := agecodec.ParseIdentities(strings.NewReader(x.String() + "\n" + pq.String() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	fileKey := []byte("0123456789abcdef")
	injected := age.NewInjectedFileKeyIdentity(fileKey)
	all := map[string]canary{
		"x25519":               {parsed[0], secretsOf(t, x)},
		"post-quantum":         {parsed[1], secretsOf(t, pq)},
		"age's x25519":         {agecodec.Hide(x), secretsOf(t, x)},
		"age's post-quantum":   {agecodec.Hide(pq), secretsOf(t, pq)},
		"age's passphrase":     {agecodec.Hide(word), forms([]byte(password))},
		"injected":             {agecodec.Hide(injected), forms(fileKey)},
		"passphrase":           {agecodec.PassphraseIdentity(password, nil), forms([]byte(password))},
		"passphrase recipient": {agecodec.PassphraseRecipient(password, nil), forms([]byte(password))},
	}
	for name, key := range sshKeys(t) {
		text := append(forms(key.pem), strings.Split(strings.TrimSpace(string(key.pem)), "\n")[1:]...)
		if k, ok := key.secret.(*rsa.PrivateKey); ok {
			text = append(text, k.D.String(), k.D.Text(16), k.Primes[0].String())
		} else {
			id, err := agessh.ParseIdentity(key.pem)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, secretsOf(t, id)...)
		}
		id, err := agecodec.ParseSSHIdentity(key.pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		all["ssh "+name] = canary{id, text}
		block, err := ssh.MarshalPrivateKeyWithPassphrase(key.secret, "", []byte(password))
		if err != nil {
			t.Fatal(err)
		}
		locked := pem.EncodeToMemory(block)
		opened, err := agecodec.ParseSSHIdentity(locked, func() ([]byte, error) { return []byte(password), nil })
		if err != nil {
			t.Fatal(err)
		}
		to, err := agecodec.ParseRecipients(key.public)
		if err != nil {
			t.Fatal(err)
		}
		// the identity then has the key in memory
		must(t)(through(agecodec.Decrypt(opened), ageEncrypt(t, []byte("x"), to...), 0))
		all["ssh with a passphrase, "+name] = canary{opened, append(append(text, forms(locked)...),
			forms([]byte(password))...)}
	}
	return all
}

// holders returns v inside every type of value that a caller may keep it in.
func holders(v any) map[string]any {
	type own struct{ v any }
	type deep struct {
		name string
		all  []own
		by   map[string]any
		next *own
	}
	type Open struct {
		Name string
		V    any
	}
	all := map[string]any{
		"itself": v, "pointer": &v, "slice": []any{v}, "array": [1]any{v}, "map": map[string]any{"key": v},
		"field": Open{"a", v}, "pointer to a field": &Open{"a", v},
		"unexported field": own{v}, "pointer to an unexported field": &own{v},
		"deep": deep{"a", []own{{v}}, map[string]any{"key": v}, &own{v}}, "slice of structs": []deep{{all: []own{{v}}}},
		"error": fmt.Errorf("wrapped: %w", errors.New(fmt.Sprint(v))),
	}
	if id, ok := v.(age.Identity); ok {
		all["typed field"] = struct{ ids []age.Identity }{[]age.Identity{id}}
		all["decrypted source"] = stream.Via(pieces(nil, 0), agecodec.Decrypt(id))
		all["decrypting flow"] = agecodec.DecryptWhole(id)
		all["rewrapped source"] = stream.Via(pieces(nil, 0), agecodec.Rewrap([]age.Identity{id}, newX25519Recipient))
		all["pair"] = agecodec.Format(nil, []age.Identity{id})
	}
	if r, ok := v.(age.Recipient); ok {
		all["encrypted source"] = stream.Via(pieces(nil, 0), agecodec.Encrypt(r))
		all["encrypting flow"] = agecodec.Encrypt(r)
		all["other pair"] = agecodec.Format([]age.Recipient{r}, nil)
	}
	return all
}

var newX25519Recipient, _ = age.ParseX25519Recipient("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")

// printings returns v in every form that the standard library prints.
func printings(v any) map[string]string {
	all := map[string]string{"Sprint": fmt.Sprint(v), "Sprintln": fmt.Sprintln(v)}
	for _, verb := range []string{
		"%v", "%+v", "%#v", "%s", "%q", "%+q", "%x", "%X", "% x", "%#x", "%d", "%o", "%c",
		"%U", "%b", "%e", "%t", "%p", "%T", "%20.30s", "%w",
	} {
		all[verb] = fmt.Sprintf(verb, v)
	}
	if _, ok := v.(error); ok {
		all["Errorf"] = fmt.Errorf("x: %w", v.(error)).Error()
	}
	var b bytes.Buffer
	log.New(&b, "", 0).Print(v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("text", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&b, nil)).Info("JSON", "v", v, slog.Group("g", "v", v))
	all["logs"] = b.String()
	text, err := json.Marshal(v)
	all["JSON"] = fmt.Sprint(string(text), err)
	text, err = xml.Marshal(v)
	all["XML"] = fmt.Sprint(string(text), err)
	b.Reset()
	err = gob.NewEncoder(&b).Encode(v)
	all["gob"] = fmt.Sprint(b.String(), err)
	if m, ok := v.(interface{ MarshalText() ([]byte, error) }); ok {
		text, err = m.MarshalText()
		all["MarshalText"] = fmt.Sprint(string(text), err)
	}
	return all
}

// shown returns a form of a secret that occurs in text, or "".
func shown(text string, secrets []string) string {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return s
		}
	}
	return ""
}
