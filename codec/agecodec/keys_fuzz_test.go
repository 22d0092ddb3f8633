package agecodec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
)

// FuzzParseKeys: any text is parsed as keys, or causes an error that contains nothing of the text.
// Parsed keys work, and do not print their secrets.
func FuzzParseKeys(f *testing.F) {
	const secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	f.Add("# a comment\n\n" + secret + "\n")
	f.Add("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj\r\n")
	f.Add(newHybridKey(f).String())
	f.Add(newHybridKey(f).Recipient().String())
	f.Add("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t\nAGE-PLUGIN-YUBIKEY-1QQPQQQQQQQ")
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmVNXQWHqBWgnPEEYTNHwvuf5uGcz0q1Y5wbIQSbIOD a@b")
	f.Add("-----BEGIN OPENSSH PRIVATE KEY-----\naHVudGVyMg==\n-----END OPENSSH PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		to, err := agecodec.ParseRecipients(text)
		quiet(t, text, err)
		if (err == nil) != (len(to) > 0) {
			t.Fatalf("%d recipients, %v", len(to), err)
		}
		for _, r := range to {
			if _, ok := r.(*age.X25519Recipient); !ok {
				continue // an SSH key may have a size that Encrypt refuses
			}
			if _, err := through(agecodec.Encrypt(r), []byte("secret"), 0); err != nil {
				t.Fatalf("%v: %v", r, err)
			}
		}
		with, err := agecodec.ParseIdentities(strings.NewReader(text))
		quiet(t, text, err)
		if (err == nil) != (len(with) > 0) {
			t.Fatalf("%d identities, %v", len(with), err)
		}
		for _, id := range with {
			type holder struct{ id age.Identity }
			shown := fmt.Sprintf("%v %+v %#v %q %x", id, holder{id}, &holder{id}, []holder{{id}},
				map[string]age.Identity{"": id})
			quiet(t, text, errors.New(shown))
			r, err := agecodec.RecipientOf(id)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := r.(*age.X25519Recipient); !ok {
				continue // an SSH key may have a size that Encrypt refuses
			}
			file := must(t)(through(agecodec.Encrypt(r), []byte("secret"), 0))
			if got, err := through(agecodec.Decrypt(id), file, 0); err != nil || string(got) != "secret" {
				t.Fatalf("%q, %v", got, err)
			}
		}
		_, err = agecodec.ParseSSHIdentity([]byte(text), nil)
		quiet(t, text, err)
	})
}

// quiet fails the test if the error contains a part of the text that is long enough to be part of a
// key.
func quiet(t *testing.T, text string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	const piece = 20
	said := err.Error()
	for _, ours := range []string{
		"a secret key in place of a public key", "a public key in place of a secret key", "agecodec: parse recipients",
		"agecodec: parse identities", "the file of identities is itself encrypted: decrypt it first",
		"keys of age plugins are not supported",
		"the SSH key is protected by a passphrase", "agecodec_test.holder", "agecodec.hiddenIdentity",
	} {
		said = strings.ReplaceAll(said, ours, "")
	}
	for i := 0; i+piece <= len(said); i++ {
		if strings.Contains(text, said[i:i+piece]) {
			t.Fatalf("the error quotes the text: %v", err)
		}
	}
}
