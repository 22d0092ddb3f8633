package agecodec_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestErrorClasses checks the class of every exported error, and of the errors of stages and
// parsers for bad files and keys.
func TestErrorClasses(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := age.GenerateX25519Identity()
	run := func(f stream.Flow[[]byte, []byte], file []byte) ([]byte, error) {
		var b bytes.Buffer
		_, err := stream.Run(context.Background(), stream.Via(source.Of(bytes.Clone(file)), f), sink.Writer(&b))
		return b.Bytes(), err
	}
	good, err := run(agecodec.Encrypt(id.Recipient()), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(good)
	damaged[len(damaged)-1] ^= 1
	open := func(file []byte, ids ...age.Identity) error {
		_, err := run(agecodec.Decrypt(ids...), file)
		return err
	}
	_, nobody := run(agecodec.Encrypt(), []byte("hello"))
	_, none := run(agecodec.Encrypt(nil), []byte("hello"))
	_, malformed := agecodec.ParseIdentities(strings.NewReader("AGE-SECRET-KEY-1X"))
	_, public := agecodec.ParseIdentities(strings.NewReader(id.Recipient().String()))
	_, unknown := agecodec.ParseRecipients("hello")
	_, ssh := agecodec.ParseSSHIdentity([]byte("hello"), nil)
	_, inspected := stream.Run(context.Background(), source.Of([]byte("hello")), agecodec.Inspect())
	for name, c := range map[string]struct {
		err  error
		want stream.Class
	}{
		"ErrNoRecipients": {agecodec.ErrNoRecipients, stream.Fatal},
		"ErrRecipients":   {agecodec.ErrRecipients, stream.Fatal},
		"ErrNoIdentities": {agecodec.ErrNoIdentities, stream.Fatal},
		"ErrNoMatch":      {agecodec.ErrNoMatch, stream.Fatal},
		"ErrKeyEncrypted": {agecodec.ErrKeyEncrypted, stream.Fatal},
		"ErrDamaged":      {agecodec.ErrDamaged, stream.Data},
		"ErrTruncated":    {agecodec.ErrTruncated, stream.Data},
		"ErrWorkFactor":   {agecodec.ErrWorkFactor, stream.Data},

		"damaged":         {open(damaged, id), stream.Data},
		"cut":             {open(good[:20], id), stream.Data},
		"empty":           {open(nil, id), stream.Data},
		"no age file":     {open([]byte("hello"), id), stream.Data},
		"armor, cut":      {open([]byte("-----BEGIN AGE ENCRYPTED FILE-----\n"), id), stream.Data},
		"inspected":       {inspected, stream.Data},
		"another key":     {open(good, other), stream.Fatal},
		"no key":          {open(good), stream.Fatal},
		"a nil key":       {open(good, nil), stream.Fatal},
		"no recipient":    {nobody, stream.Fatal},
		"a nil recipient": {none, stream.Fatal},
		"malformed key":   {malformed, stream.Fatal},
		"a public key":    {public, stream.Fatal},
		"unknown key":     {unknown, stream.Fatal},
		"no SSH key":      {ssh, stream.Fatal},
	} {
		if got := stream.ClassOf(c.err); got != c.want {
			t.Errorf("%s: %v is %v, want %v", name, c.err, got, c.want)
		}
	}
}
