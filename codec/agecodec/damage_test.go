package agecodec_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// long says that the tests that take minutes are to do all they can, not a sample: MILLWEIR_LONG=1.
var long = os.Getenv("MILLWEIR_LONG") != ""

// backup is a compressed and encrypted file of about 400 KiB, what it holds, and an identity that opens it without arithmetic on
// curves, which would take longer than all else.
func backup(t *testing.T) (file, plain []byte, id age.Identity) {
	t.Helper()
	key := newKey(t)
	plain = noise(400 << 10)
	file = collect(t, stream.Via2(pieces(plain, 0), codec.Gzip(nil), agecodec.Encrypt(key.Recipient())))
	if got := must(t)(through(stream.Join(agecodec.Decrypt(key), codec.Gunzip(nil)), file, 0)); !bytes.Equal(got, plain) {
		t.Fatal("not the same")
	}
	fileKey, err := age.DecryptHeader(file, key)
	if err != nil {
		t.Fatal(err)
	}
	return file, plain, age.NewInjectedFileKeyIdentity(fileKey)
}

// parallel runs check for 0 to n-1 and reports how many it was run for.
func parallel(n int, check func(i int)) {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				check(i)
			}
		})
	}
	wg.Wait()
}

// typed tells whether the error is of a kind that a caller can branch on.
func typed(err error) bool {
	return errors.Is(err, agecodec.ErrDamaged) || errors.Is(err, agecodec.ErrTruncated) || errors.Is(err, agecodec.ErrNoMatch)
}

// TestEveryCutOfABackup cuts a file at every byte; without MILLWEIR_LONG, at some hundreds, among them all around the edges.
func TestEveryCutOfABackup(t *testing.T) {
	file, _, id := backup(t)
	head := len(file) - len(payloadOf(t, file)) + 16
	var cuts []int
	for n := range file {
		edge := (n - head + 20) % (chunk + 16)
		if long || n < head+20 || edge >= 0 && edge < 40 && n%5 == 0 || len(file)-n < 20 || n%8209 == 0 {
			cuts = append(cuts, n)
		}
	}
	parallel(len(cuts), func(i int) {
		n := cuts[i]
		got, err := through(agecodec.Decrypt(id), file[:n], 0)
		if !typed(err) || errors.Is(err, agecodec.ErrTruncated) != errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d of %d: %v", n, len(file), err)
		}
		if most := max(0, (n-head)/(chunk+16)*chunk); len(got) > most {
			t.Errorf("cut at %d of %d: %d bytes came out, %d are whole chunks", n, len(file), len(got), most)
		}
		if n%16 != 0 {
			return
		}
		if _, err := through(stream.Join(agecodec.Decrypt(id), codec.Gunzip(nil)), file[:n], 1000); !typed(err) {
			t.Errorf("below gunzip, cut at %d of %d: %v", n, len(file), err)
		}
	})
	t.Logf("%d cuts of %d bytes", len(cuts), len(file))
}

// TestFlippedBits flips random bits: 50,000 with MILLWEIR_LONG, or else 300.
func TestFlippedBits(t *testing.T) {
	file, _, id := backup(t)
	head := len(file) - len(payloadOf(t, file)) + 16
	n := 300
	if long {
		n = 50_000
	}
	plain := must(t)(through(agecodec.Decrypt(id), file, 0))
	parallel(n, func(i int) {
		rnd := rand.New(rand.NewPCG(uint64(i), 1))
		bit := rnd.IntN(8 * len(file))
		bad := bytes.Clone(file)
		bad[bit/8] ^= 1 << (bit % 8)
		got, err := through(agecodec.Decrypt(id), bad, 0)
		if !typed(err) {
			t.Errorf("bit %d: %v", bit, err)
		}
		if most := max(0, (bit/8-head)/(chunk+16)*chunk); len(got) > most || !bytes.HasPrefix(plain, got) {
			t.Errorf("bit %d: %d bytes came out, %d are before it", bit, len(got), most)
		}
		if i%16 != 0 {
			return
		}
		if _, err := through(stream.Join(agecodec.Decrypt(id), codec.Gunzip(nil)), bad, 1000); !typed(err) {
			t.Errorf("below gunzip, bit %d: %v", bit, err)
		}
	})
}

// TestFlippedHeaders flips the bits of headers of every kind, a sample without MILLWEIR_LONG, with the keys that would open them: each is an error of a kind, and
// nothing comes out.
func TestFlippedHeaders(t *testing.T) {
	x, pq := newKey(t), newHybridKey(t)
	type lock struct {
		to   age.Recipient
		with age.Identity
	}
	word, err := age.NewScryptIdentity("pw")
	if err != nil {
		t.Fatal(err)
	}
	word.SetMaxWorkFactor(9)
	pass := agecodec.PassphraseRecipient("pw", &agecodec.PassphraseOptions{WorkFactor: 5})
	kinds := map[string]lock{
		"x25519":           {x.Recipient(), x},
		"post-quantum":     {pq.Recipient(), pq},
		"passphrase":       {pass, agecodec.PassphraseIdentity("pw", &agecodec.PassphraseOptions{MaxWorkFactor: 9})},
		"age's passphrase": {pass, word},
	}
	for name, key := range sshKeys(t) {
		to, err := agecodec.ParseRecipients(key.public)
		if err != nil {
			t.Fatal(err)
		}
		id, err := agecodec.ParseSSHIdentity(key.pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		kinds["ssh "+name] = lock{to[0], id}
	}
	for name, k := range kinds {
		file := ageEncrypt(t, []byte("secret"), k.to)
		head := len(file) - len(payloadOf(t, file))
		step := 1
		if !long {
			step = 1 + head/100 // some hundred bits of the long ones
		}
		for bit := 0; bit < 8*head; bit += step {
			bad := bytes.Clone(file)
			bad[bit/8] ^= 1 << (bit % 8)
			got, err := through(agecodec.Decrypt(k.with), bad, 0)
			if !typed(err) && !errors.Is(err, agecodec.ErrWorkFactor) || len(got) > 0 {
				t.Errorf("%s: bit %d of the header: %d bytes, %v", name, bit, len(got), err)
			}
		}
	}
}

// TestPassphraseStanzas looks at what is damage and what is too much work.
func TestPassphraseStanzas(t *testing.T) {
	const salt = "AAAAAAAAAAAAAAAAAAAAAA"
	plain, err := age.NewScryptIdentity("pw")
	if err != nil {
		t.Fatal(err)
	}
	x := newKey(t).Recipient()
	for name, c := range map[string]struct {
		to   []age.Recipient
		want error
	}{
		"2^23":                  {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "23"}, Body: noise(32)}}}, agecodec.ErrWorkFactor},
		"2^64":                  {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "64"}, Body: noise(32)}}}, agecodec.ErrWorkFactor},
		"2^10^30":               {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "1000000000000000000000000000000"}, Body: noise(32)}}}, nil},
		"0":                     {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "0"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"023":                   {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "023"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"+23":                   {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "+23"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"-1":                    {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "-1"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"letters":               {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "x"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"short salt":            {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt[2:], "1"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"one argument":          {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"three arguments":       {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "1", "1"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"short body":            {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(31)}}}, agecodec.ErrDamaged},
		"beside another":        {[]age.Recipient{x, stanzas{{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)}}}, agecodec.ErrDamaged},
		"another's passphrase":  {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)}}}, agecodec.ErrNoMatch},
		"no passphrase at all":  {[]age.Recipient{x}, agecodec.ErrNoMatch},
		"two, of the same kind": {[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)}, {Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)}}}, agecodec.ErrDamaged},
	} {
		file := must(t)(through(agecodec.Encrypt(c.to...), []byte("secret"), 0))
		for kind, id := range map[string]age.Identity{"ours": agecodec.PassphraseIdentity("pw", nil), "age's": plain} {
			got, err := through(agecodec.Decrypt(id), file, 0)
			want := errors.Is(err, c.want)
			if c.want == nil {
				want = typed(err) || errors.Is(err, agecodec.ErrWorkFactor)
			}
			if !want || len(got) > 0 {
				t.Errorf("%s, identity of %s: %d bytes, %v, want %v", name, kind, len(got), err, c.want)
			}
		}
	}
}
