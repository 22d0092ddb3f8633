package agecodec_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleEncrypt() {
	recipients, err := agecodec.ParseRecipients("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")
	if err != nil {
		fmt.Println(err)
		return
	}
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(recipients...))
	chunks, err := stream.Run(context.Background(), file, sink.Slice[[]byte]())
	fmt.Println(strings.SplitN(string(bytes.Join(chunks, nil)), "\n", 2)[0], err)
	// Output: age-encryption.org/v1 <nil>
}

func ExampleDecrypt() {
	// The output of age-keygen.
	keys := "# created: 2024-01-01T00:00:00Z\n" +
		"# public key: age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj\n" +
		"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n"
	identities, err := agecodec.ParseIdentities(strings.NewReader(keys))
	if err != nil {
		fmt.Println(err)
		return
	}
	recipients, err := agecodec.ParseRecipients("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")
	if err != nil {
		fmt.Println(err)
		return
	}
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(recipients...))
	plain, err := stream.Run(context.Background(), stream.Via(file, agecodec.Decrypt(identities...)),
		sink.Slice[[]byte]())
	fmt.Printf("%s %v\n", plain, err)
	// Output: [through the mill] <nil>
}

// DecryptWhole reports damage even after the point where a reader stops.
func ExampleDecryptWhole() {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	text := source.Of([]byte("the first line\n" + strings.Repeat("and more\n", 100_000)))
	file, err := stream.Run(context.Background(), stream.Via(text, agecodec.Encrypt(key.Recipient())),
		sink.Slice[[]byte]())
	if err != nil {
		fmt.Println(err)
		return
	}
	file[len(file)-1][0] ^= 1 // damage

	r := stream.Reader(context.Background(), stream.Via(source.Slice(file), agecodec.DecryptWhole(key)))
	line := make([]byte, 14)
	_, err = r.Read(line)
	fmt.Printf("%s, %v\n", line, err)
	fmt.Println(errors.Is(r.Close(), agecodec.ErrDamaged))
	// Output:
	// the first line, <nil>
	// true
}

func ExamplePassphraseRecipient() {
	// Such a low work factor is only for examples.
	to := agecodec.PassphraseRecipient("correct horse battery staple", &agecodec.PassphraseOptions{WorkFactor: 10})
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(to))

	for _, word := range []string{"correct horse battery staple", "wrong"} {
		with := agecodec.PassphraseIdentity(word, nil)
		plain, err := stream.Run(context.Background(), stream.Via(file, agecodec.Decrypt(with)), sink.Slice[[]byte]())
		fmt.Printf("%s %v\n", plain, errors.Is(err, agecodec.ErrNoMatch))
	}
	// Output:
	// [through the mill] false
	// [] true
}

func ExampleParseIdentities() {
	_, err := agecodec.ParseIdentities(strings.NewReader(
		"# a comment\nage1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj\n"))
	fmt.Println(err)
	identities, err := agecodec.ParseIdentities(strings.NewReader(
		"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n"))
	fmt.Println(len(identities), err)
	// Output:
	// agecodec: parse identities: line 2: a public key in place of a secret key
	// 1 <nil>
}

func ExampleParseSSHIdentity() {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The output of ssh-keygen: the private key, protected by a passphrase, and the public key.
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "backup@shop", []byte("correct horse"))
	if err != nil {
		fmt.Println(err)
		return
	}
	half, err := ssh.NewPublicKey(public)
	if err != nil {
		fmt.Println(err)
		return
	}

	recipients, err := agecodec.ParseRecipients(string(ssh.MarshalAuthorizedKey(half)))
	if err != nil {
		fmt.Println(err)
		return
	}
	identity, err := agecodec.ParseSSHIdentity(pem.EncodeToMemory(block), func() ([]byte, error) {
		fmt.Println("asked for the passphrase")
		return []byte("correct horse"), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(recipients...))
	for range 2 {
		plain, err := stream.Run(context.Background(), stream.Via(file, agecodec.Decrypt(identity)),
			sink.Slice[[]byte]())
		fmt.Printf("%s %v\n", plain, err)
	}
	// Output:
	// asked for the passphrase
	// [through the mill] <nil>
	// [through the mill] <nil>
}

// A file states the work of its passphrase. More work than allowed is refused before it is done.
func ExamplePassphraseIdentity() {
	to := agecodec.PassphraseRecipient("correct horse battery staple", &agecodec.PassphraseOptions{WorkFactor: 12})
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(to))

	with := agecodec.PassphraseIdentity("correct horse battery staple", &agecodec.PassphraseOptions{MaxWorkFactor: 11})
	_, err := stream.Run(context.Background(), stream.Via(file, agecodec.Decrypt(with)), sink.Slice[[]byte]())
	fmt.Println(errors.Is(err, agecodec.ErrWorkFactor))
	// Output: true
}
