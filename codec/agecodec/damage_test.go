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

// long reports whether slow tests check all cases. Set MILLWEIR_LONG=1.
var long = os.Getenv("MILLWEIR_LONG") != ""

// backup is a compressed and encrypted file of about 400 KiB.
type backup struct {
	file []byte
	head int // bytes before the first chunk of the payload: the header and the nonce
	id   age.Identity
	back flow // from the file to the data
}

// backups returns a backup for each compressor. The identities hold the file key itself: X25519
// would take most of the test's time.
func backups(t *testing.T) map[string]backup {
	t.Helper()
	all := map[string]backup{}
	for name, pair := range map[string]codec.Format[[]byte]{
		"gzip": codec.GzipFormat(nil, nil),
		"zstd": codec.ZstdFormat(nil, nil),
	} {
		key := newKey(t)
		// incompressible data takes little time; the tests of package codec cut files of text
		plain := noise(400 << 10)
		b := backup{file: collect(t, stream.Via2(pieces(plain, 0), pair.Encode(), agecodec.Encrypt(key.Recipient())))}
		if len(b.file) < 400<<10 {
			t.Fatalf("%s: only %d bytes", name, len(b.file))
		}
		fileKey, err := age.DecryptHeader(b.file, key)
		if err != nil {
			t.Fatal(err)
		}
		b.head = len(b.file) - len(payloadOf(t, b.file)) + 16
		b.id = age.NewInjectedFileKeyIdentity(fileKey)
		b.back = stream.Then(agecodec.Decrypt(b.id), pair.Decode())
		if got := must(t)(through(b.back, b.file, 0)); !bytes.Equal(got, plain) {
			t.Fatalf("%s: not the same", name)
		}
		all[name] = b
	}
	return all
}

// parallel calls check for 0 to n-1 and returns the number of calls.
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

// typed reports whether the error is of a kind that a caller can branch on.
func typed(err error) bool {
	return errors.Is(err, agecodec.ErrDamaged) || errors.Is(err, agecodec.ErrTruncated) ||
		errors.Is(err, agecodec.ErrNoMatch)
}

// TestEveryCutOfABackup cuts a file at every byte. Without MILLWEIR_LONG it cuts at some hundreds
// of offsets, including all those near the edges.
func TestEveryCutOfABackup(t *testing.T) {
	for name, b := range backups(t) {
		var cuts []int
		for n := range b.file {
			edge := (n - b.head + 20) % (chunk + 16)
			if long || n < b.head+20 || edge >= 0 && edge < 40 && n%5 == 0 || len(b.file)-n < 20 || n%8209 == 0 {
				cuts = append(cuts, n)
			}
		}
		parallel(len(cuts), func(i int) {
			n := cuts[i]
			got, err := through(agecodec.Decrypt(b.id), b.file[:n], 0)
			if !typed(err) || errors.Is(err, agecodec.ErrTruncated) != errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: cut at %d of %d: %v", name, n, len(b.file), err)
			}
			if most := max(0, (n-b.head)/(chunk+16)*chunk); len(got) > most {
				t.Errorf("%s: cut at %d of %d: %d bytes came out, %d are whole chunks", name, n, len(b.file), len(got),
					most)
			}
			if _, err := through(b.back, b.file[:n], 0); !typed(err) {
				t.Errorf("%s: decompressed, cut at %d of %d: %v", name, n, len(b.file), err)
			}
		})
		t.Logf("%s: %d cuts of %d bytes", name, len(cuts), len(b.file))
	}
}

// TestFlippedBits flips random bits: 50,000 with MILLWEIR_LONG, otherwise 300.
func TestFlippedBits(t *testing.T) {
	n := 300
	if long {
		n = 50_000
	}
	for name, b := range backups(t) {
		plain := must(t)(through(agecodec.Decrypt(b.id), b.file, 0))
		parallel(n, func(i int) {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			bit := rnd.IntN(8 * len(b.file))
			bad := bytes.Clone(b.file)
			bad[bit/8] ^= 1 << (bit % 8)
			got, err := through(agecodec.Decrypt(b.id), bad, 0)
			if !typed(err) {
				t.Errorf("%s: bit %d: %v", name, bit, err)
			}
			if most := max(0, (bit/8-b.head)/(chunk+16)*chunk); len(got) > most || !bytes.HasPrefix(plain, got) {
				t.Errorf("%s: bit %d: %d bytes came out, %d are before it", name, bit, len(got), most)
			}
			if _, err := through(b.back, bad, 0); !typed(err) {
				t.Errorf("%s: decompressed, bit %d: %v", name, bit, err)
			}
		})
		t.Logf("%s: %d flips in %d bytes", name, n, len(b.file))
	}
}

// TestFlippedHeaders flips the bits of headers of every kind, a sample of them without
// MILLWEIR_LONG, and decrypts with the right keys. Each flip causes a typed error, and nothing is
// emitted.
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
			step = 1 + head/100 // some hundred bits of a long header
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

// TestPassphraseStanzas distinguishes damaged stanzas from those that demand too much work.
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
		"2^23": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "23"},
			Body: noise(32),
		}}}, agecodec.ErrWorkFactor},
		"2^64": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "64"},
			Body: noise(32),
		}}}, agecodec.ErrWorkFactor},
		"2^10^30": {[]age.Recipient{stanzas{{
			Type: "scrypt",
			Args: []string{salt, "1000000000000000000000000000000"}, Body: noise(32),
		}}}, nil},
		"0": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "0"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"023": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "023"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"+23": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "+23"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"-1": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "-1"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"letters": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "x"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"short salt": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt[2:], "1"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"one argument": {
			[]age.Recipient{stanzas{{Type: "scrypt", Args: []string{salt}, Body: noise(32)}}},
			agecodec.ErrDamaged,
		},
		"three arguments": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "1", "1"},
			Body: noise(32),
		}}}, agecodec.ErrDamaged},
		"short body": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "1"},
			Body: noise(31),
		}}}, agecodec.ErrDamaged},
		"beside another": {[]age.Recipient{
			x,
			stanzas{{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)}},
		}, agecodec.ErrDamaged},
		"another's passphrase": {[]age.Recipient{stanzas{{
			Type: "scrypt", Args: []string{salt, "1"},
			Body: noise(32),
		}}}, agecodec.ErrNoMatch},
		"no passphrase at all": {[]age.Recipient{x}, agecodec.ErrNoMatch},
		"two, of the same kind": {[]age.Recipient{stanzas{
			{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)},
			{Type: "scrypt", Args: []string{salt, "1"}, Body: noise(32)},
		}}, agecodec.ErrDamaged},
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
	// A caller of Unwrap may pass stanzas that no header can contain.
	for _, arg := range []string{salt + "\r", salt[:10] + "\n" + salt[10:]} {
		id := agecodec.PassphraseIdentity("pw", nil)
		if _, err := id.Unwrap([]*age.Stanza{{
			Type: "scrypt", Args: []string{arg, "1"},
			Body: noise(32),
		}}); !errors.Is(err, agecodec.ErrDamaged) {
			t.Errorf("a salt of %q: %v", arg, err)
		}
	}
}
