package integration_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	agetest "c2sp.org/CCTV/age"
	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// vector is one of the age format's test vectors (https://c2sp.org/CCTV/age): a file, its keys, and
// the required result of a reader.
type vector struct {
	expect     string
	payload    string // hex SHA-256 of the bytes that a reader may emit
	identities []age.Identity
	armored    bool
	file       []byte
}

// parseVector reads the header, lines of a name and a value up to an empty line, and the file after
// it.
func parseVector(t *testing.T, text []byte) vector {
	t.Helper()
	var v vector
	packed := false
	for {
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			t.Fatal("no file")
		}
		if text = rest; len(line) == 0 {
			break
		}
		name, value, _ := strings.Cut(string(line), ": ")
		switch name {
		case "expect":
			v.expect = value
		case "payload":
			v.payload = value
		case "identity":
			ids, err := agecodec.ParseIdentities(strings.NewReader(value))
			if err != nil {
				t.Fatal(err)
			}
			v.identities = append(v.identities, ids...)
		case "passphrase":
			v.identities = append(v.identities, agecodec.PassphraseIdentity(value, nil))
		case "armored":
			v.armored = true
		case "compressed":
			packed = true
		case "file key", "comment":
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	if len(v.identities) == 0 { // no key opens the file
		v.identities = append(v.identities, newKey(t))
	}
	v.file = text
	if packed {
		z, err := zlib.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if v.file, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// read runs the file through f in chunks of size bytes (0: one chunk), and returns the output and
// the error.
func (v vector) read(f stream.Flow[[]byte, []byte], size int) ([]byte, error) {
	src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for p := bytes.Clone(v.file); len(p) > 0; {
			n := len(p)
			if size > 0 {
				n = min(n, size)
			}
			if err := emit(p[:n:n]); err != nil {
				return err
			}
			p = p[n:]
		}
		return nil
	})
	out, err := stream.Run(context.Background(), stream.Via(stream.Source[[]byte](src), f), sink.Slice[[]byte]())
	return bytes.Join(out, nil), err
}

// peer returns the bytes that age itself decrypts before its first error.
func (v vector) peer() []byte {
	r := io.Reader(bytes.NewReader(v.file))
	if v.armored {
		r = armor.NewReader(r)
	}
	if r, err := age.Decrypt(r, v.identities...); err == nil {
		p, _ := io.ReadAll(r)
		return p
	}
	return nil
}

// TestAgeVectors reads every vector in chunks of several sizes. The output and the kind of error
// must be those that the format's authors expect. Before an error, no bytes may come out that age
// itself would not emit.
func TestAgeVectors(t *testing.T) {
	files, err := fs.ReadDir(agetest.Vectors, ".")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, f := range files {
		text, err := fs.ReadFile(agetest.Vectors, f.Name())
		if err != nil {
			t.Fatal(err)
		}
		t.Run(f.Name(), func(t *testing.T) {
			v := parseVector(t, text)
			seen[v.expect]++
			peer := v.peer()
			for _, size := range []int{0, 1, 1000} {
				if size == 1 && len(v.file) > 100_000 {
					continue
				}
				got, err := v.read(agecodec.Decrypt(v.identities...), size)
				whole, err2 := v.read(agecodec.DecryptWhole(v.identities...), size)
				if !bytes.Equal(got, whole) || (err == nil) != (err2 == nil) {
					t.Errorf("DecryptWhole: %d bytes, %v; Decrypt: %d, %v", len(whole), err2, len(got), err)
				}
				damaged := errors.Is(err, agecodec.ErrDamaged) || errors.Is(err, agecodec.ErrTruncated)
				ok := false
				switch v.expect {
				case "success":
					sum := sha256.Sum256(got)
					ok = err == nil && hex.EncodeToString(sum[:]) == v.payload
				case "no match":
					ok = errors.Is(err, agecodec.ErrNoMatch) && len(got) == 0
				case "HMAC failure":
					ok = errors.Is(err, agecodec.ErrDamaged) && len(got) == 0
				case "header failure":
					ok = (damaged || errors.Is(err, agecodec.ErrWorkFactor)) && len(got) == 0
				case "payload failure", "armor failure":
					ok = damaged && bytes.HasPrefix(peer, got)
				}
				if !ok {
					t.Errorf("chunks of %d: want %s, got %d bytes, %v", size, v.expect, len(got), err)
				}
			}
			info, err := v.inspect()
			switch {
			case v.expect == "success" && err != nil:
				t.Errorf("Inspect: %v", err)
			case v.expect == "success" && info.Armored != v.armored:
				t.Errorf("Inspect: armored %v", info.Armored)
			case err != nil && !errors.Is(err, agecodec.ErrDamaged) && !errors.Is(err, agecodec.ErrTruncated):
				t.Errorf("Inspect: %v", err)
			}
			v.rewrap(t, peer)
		})
	}
	t.Logf("vectors: %v", seen)
	for _, kind := range []string{
		"success", "no match", "HMAC failure",
		"header failure", "payload failure", "armor failure",
	} {
		if seen[kind] == 0 {
			t.Errorf("no vector of the kind %s", kind)
		}
	}
}

func (v vector) inspect() (agecodec.Info, error) {
	src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		return emit(bytes.Clone(v.file))
	})
	return stream.Run(context.Background(), stream.Source[[]byte](src), agecodec.Inspect())
}

// rewrap rewraps the file for another key. A file that opened before still opens. Any other file is
// rejected or stays damaged.
func (v vector) rewrap(t *testing.T, plain []byte) {
	t.Helper()
	key := newKey(t)
	file, err := v.read(agecodec.Rewrap(v.identities, key.Recipient()), 1000)
	got, err2 := vector{file: file}.read(agecodec.Decrypt(key), 0)
	switch {
	case v.expect == "success":
		if err != nil || err2 != nil || !bytes.Equal(got, plain) {
			t.Errorf("rewrapped: %d bytes of %d, %v, %v", len(got), len(plain), err, err2)
		}
	case err == nil && err2 == nil:
		t.Errorf("rewrapped, it opens: %d bytes", len(got))
	}
}

func newKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
