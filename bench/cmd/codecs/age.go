package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

const (
	ageChunks = 512 // of plaintext in a file, which makes the cost of the header negligible
	// The input of a run repeats these bytes, which stay in the cache like network buffers.
	ringBytes = 1 << 20
)

// ages encrypts and decrypts random bytes with one X25519 key.
func ages(_ *input, _ pekko.Peer) ([]report.Case, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	noise := make([]byte, ringBytes)
	if _, err := rand.NewChaCha8([32]byte{6}).Read(noise); err != nil {
		return nil, err
	}
	const times = ageChunks * chunkBytes / ringBytes
	plain, cs := bytes.Repeat(noise, times), slices.Repeat(chunks(noise), times)
	b := caseBuilder{
		right: decodesTo(plain, func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, key) }),
		Case: report.Case{
			Name: "age-encrypt", About: "bytes → age, by 64 KiB",
			Unit: "chunk", Units: ageChunks, Want: ageChunks,
		},
	}
	theirs := func(w io.Writer) error {
		z, err := age.Encrypt(w, key.Recipient())
		if err != nil {
			return err
		}
		for _, p := range cs {
			if _, err := z.Write(p); err != nil {
				return err
			}
		}
		return z.Close()
	}
	b.Ours = b.peer("millweir agecodec.Encrypt", report.Bar{}, flow(cs, agecodec.Encrypt(key.Recipient())))
	b.Peers = []report.Peer{b.peer("filippo.io/age", report.Bar{Least: 1}, theirs)}
	encrypt := b.Case
	var sealed bytes.Buffer
	if err := theirs(&sealed); err != nil {
		return nil, err
	}
	d := caseBuilder{right: equals(plain), err: b.err, Case: encrypt}
	d.Name, d.About = "age-decrypt", "age → bytes, by 64 KiB, beyond what it takes to make its input again"
	in := reusableSource(sealed.Bytes())
	d.Ours = d.peer("millweir agecodec.Decrypt", report.Bar{}, outputOf(stream.Via(in, agecodec.Decrypt(key))))
	again := caseBuilder{right: equals(sealed.Bytes()), Case: d.Case}
	copied := again.peer("its input copied again", report.Bar{}, outputOf(in))
	d.Ours.Base = &copied
	d.Peers = []report.Peer{d.peer("filippo.io/age", report.Bar{Least: 1.5}, unsealed(sealed.Bytes(), key))}
	// A chunk allocates nothing. The allocations of the header are spread over the chunks.
	d.Limits = []report.Limit{{Metric: report.Allocs, Max: 0.5}}
	return []report.Case{encrypt, d.Case}, errors.Join(d.err, again.err)
}

// reusableSource returns a source of a copy of sealed, because Decrypt overwrites its input.
func reusableSource(sealed []byte) stream.Source[[]byte] {
	ring := make([]byte, ringBytes)
	return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for at := 0; at < len(sealed); at += chunkBytes {
			p := ring[at%ringBytes:][:chunkBytes:chunkBytes]
			if err := emit(p[:copy(p, sealed[at:])]); err != nil {
				return err
			}
		}
		return nil
	})
}

// unsealed decrypts sealed with age, which does not change it.
func unsealed(sealed []byte, key age.Identity) codecRun {
	buf := make([]byte, chunkBytes)
	return func(w io.Writer) error {
		r, err := age.Decrypt(bytes.NewReader(sealed), key)
		if err == nil {
			_, err = io.CopyBuffer(w, struct{ io.Reader }{r}, buf)
		}
		return err
	}
}
