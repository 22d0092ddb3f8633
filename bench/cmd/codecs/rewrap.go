package main

import (
	"bytes"
	"io"

	"filippo.io/age"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec/agecodec"
)

// rewraps compares Rewrap with a decryption and a new encryption of the same file.
func rewraps(in *input, _ pekko.Peer) ([]report.Case, error) {
	old, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	young, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	z, err := age.Encrypt(&sealed, old.Recipient())
	if err == nil {
		_, err = z.Write(in.text)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, err
	}
	b := caseBuilder{
		right: decodesTo(in.text, func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, young) }),
		Case: report.Case{
			Name: "age-rewrap", About: "age → age for another key, every chunk verified",
			Unit: "byte", Units: len(in.text), Want: int64(sealed.Len()),
		},
	}
	ids := []age.Identity{old}
	b.Ours = b.peer("millweir agecodec.Rewrap", report.Bar{},
		flow(chunks(sealed.Bytes()), agecodec.Rewrap(ids, young.Recipient())))
	b.Peers = []report.Peer{
		b.peer("filippo.io/age, Decrypt and Encrypt", report.Bar{Least: 1},
			resealed(sealed.Bytes(), old, young.Recipient())),
		b.peer("millweir agecodec.RewrapUnverified", report.Bar{},
			flow(chunks(sealed.Bytes()), agecodec.RewrapUnverified(ids, young.Recipient()))),
	}
	return []report.Case{b.Case}, b.err
}

// resealed decrypts sealed and encrypts it for another recipient.
func resealed(sealed []byte, with age.Identity, to age.Recipient) codecRun {
	buf := make([]byte, chunkBytes)
	return func(w io.Writer) error {
		r, err := age.Decrypt(bytes.NewReader(sealed), with)
		if err != nil {
			return err
		}
		z, err := age.Encrypt(w, to)
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{z}, struct{ io.Reader }{r}, buf)
		}
		if err != nil {
			return err
		}
		return z.Close()
	}
}
