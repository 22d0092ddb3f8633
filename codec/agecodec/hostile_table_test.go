package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

const (
	introLine = "age-encryption.org/v1\n"
	macLine   = "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	armorHead = "-----BEGIN AGE ENCRYPTED FILE-----\n"
	armorFoot = "-----END AGE ENCRYPTED FILE-----\n"
	saltText  = "AAAAAAAAAAAAAAAAAAAAAA"
	bodyLine  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" // 32 bytes
)

// TestHostile decrypts malformed and hostile age files.
func TestHostile(t *testing.T) { hostile.Table(t, hostileRows()) }

func hostileRows() []hostile.Row {
	damaged, truncated := hostile.Is(agecodec.ErrDamaged), hostile.Is(agecodec.ErrTruncated)
	noMatch, work := hostile.Is(agecodec.ErrNoMatch), hostile.Is(agecodec.ErrWorkFactor)
	var rows []hostile.Row
	file := func(name string, want func(error) bool, text string) {
		rows = append(rows, hostile.Row{Name: name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
			return decryptAll(t, ctx, pieces([]byte(text), 0))
		}})
	}
	endless := func(name string, want func(error) bool, head, unit string) {
		rows = append(rows, hostile.Row{Name: name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
			return decryptAll(t, ctx, forever(head, unit))
		}})
	}
	changed := func(name string, want func(error) bool, change func(f sealed) []byte) {
		rows = append(rows, hostile.Row{Name: name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
			f := newSealed(t)
			return decryptAll(t, ctx, pieces(change(f), 1000), f.key)
		}})
	}
	stanza := func(line string) string { return introLine + "-> " + line + "\n" + bodyLine + macLine }

	// Headers without an end.
	endless("header: one line without an end", damaged, introLine, "-> X25519 AAAA")
	endless("header: stanzas without an end", damaged, introLine, "-> X25519 "+bodyLine+bodyLine)
	endless("header: one body without an end", damaged, introLine+"-> X25519 AAAA\n", strings.Repeat("A", 64)+"\n")
	endless("header: arguments without an end", damaged, introLine+"-> X25519", " a")
	endless("header: empty lines without an end", damaged, introLine, "\n")
	endless("header: a last line without an end", damaged, introLine+"-> a\n\n--- ", "A")
	endless("first line without an end", damaged, "age-encryption.org/v", "1")

	// Complete headers that are too large.
	file("header: a million stanzas", damaged, introLine+strings.Repeat("-> a\n\n", 1_000_000)+macLine)
	file("header: 1,025 stanzas", damaged, introLine+strings.Repeat("-> a\n\n", 1025)+macLine)
	file("header: 1,024 grease stanzas", noMatch, introLine+strings.Repeat("-> a-grease x\n\n", 1024)+macLine)
	file("header: 129 arguments", damaged, introLine+"-> a"+strings.Repeat(" x", 129)+"\n\n"+macLine)
	file("header: a body of 1 MiB", noMatch, introLine+"-> a\n"+strings.Repeat(strings.Repeat("A", 64)+"\n", 16<<10)+
		"\n"+macLine)
	file("header: no stanza", damaged, introLine+macLine)
	file("header: a MAC that is no base64", damaged, introLine+"-> a\n\n--- !!\n")
	file("header: a MAC of three bytes", damaged, introLine+"-> a\n\n--- AAAA\n")
	file("header: CRLF", damaged, strings.ReplaceAll(stanza("X25519 "+saltText), "\n", "\r\n"))
	file("header: terminal sequences", damaged, introLine+"-> \x1b[2J\x1b]0;owned\x07\n\n"+macLine)
	file("header: a line of 1 MiB quoted in the error", damaged, introLine+strings.Repeat("x", 1<<20)+"\n"+macLine)

	// Stanzas of known types with invalid contents.
	for _, line := range []string{
		"X25519", "X25519 AAAA", "X25519 " + strings.TrimSpace(bodyLine), "X25519 !!!!", "X25519 a b",
		"mlkem768x25519", "mlkem768x25519 AAAA", "mlkem768x25519 " + strings.Repeat("A", 1494),
	} {
		file("stanza: "+cutText(line), damaged, stanza(line))
	}
	for _, line := range []string{
		"ssh-rsa AAAAAA", "ssh-ed25519 AAAAAA " + strings.TrimSpace(bodyLine),
	} {
		file("stanza of another: "+cutText(line), noMatch, stanza(line))
	}
	for _, line := range []string{
		"ssh-rsa", "ssh-rsa a b", "ssh-ed25519", "ssh-ed25519 AAAAAA AAAA",
		"ssh-ed25519 a !",
	} {
		file("stanza: "+line, damaged, stanza(line))
	}

	// Passphrases.
	for _, n := range []string{"21", "30", "40", "63", "64", "1099511627776", "99999999999999999999999999"} {
		file("passphrase: work of 2^"+n, work, stanza("scrypt "+saltText+" "+n))
	}
	for _, n := range []string{"0", "018", "+18", "-1", "1e1", "0x12", "18x", "１８", "١٨"} {
		file("passphrase: work of "+n, damaged, stanza("scrypt "+saltText+" "+n))
	}
	file("passphrase: no work", damaged, stanza("scrypt "+saltText))
	file("passphrase: empty work", damaged, stanza("scrypt "+saltText+" "))
	file("passphrase: short salt", damaged, stanza("scrypt AAAA 1"))
	file("passphrase: salt with a carriage return", damaged, stanza("scrypt "+saltText+"\r 1"))
	file("passphrase: two", damaged, introLine+strings.Repeat("-> scrypt "+saltText+" 1\n"+bodyLine, 2)+macLine)
	file("passphrase: 1,024 of 2^20", damaged, introLine+strings.Repeat("-> scrypt "+saltText+" 20\n"+bodyLine,
		1024)+macLine)
	file("passphrase: beside a grease stanza", damaged, introLine+"-> a-grease\n\n-> scrypt "+saltText+" 1\n"+
		bodyLine+macLine)
	file("passphrase: a body of 33 bytes", damaged, introLine+"-> scrypt "+saltText+" 1\n"+strings.Repeat("A", 44)+"\n"+
		macLine)
	rows = append(rows, hostile.Row{
		Name: "passphrase: work of 2^22 for age's own identity", Want: work,
		Run: func(t *testing.T, ctx context.Context) error {
			id, err := age.NewScryptIdentity("pw")
			if err != nil {
				t.Fatal(err)
			}
			return decryptAll(t, ctx, pieces([]byte(stanza("scrypt "+saltText+" 22")), 0), id)
		},
	})

	// Other file formats.
	format := hostile.As[*codec.FormatError]()
	file("nothing", truncated, "")
	file("zeros, 1 MiB", format, string(make([]byte, 1<<20)))
	file("binary rubbish", format, string(noise(1<<20)))
	file("version 2", damaged, "age-encryption.org/v2\n-> a\n\n"+macLine)
	file("an identity file", func(err error) bool {
		return err != nil && !strings.Contains(err.Error(), "GFPYY")
	}, "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")

	payloadRows(changed)
	armorRows(file, endless, changed)
	return append(rows, otherRows()...)
}

// payloadRows returns rows that change a valid file.
func payloadRows(changed func(string, func(error) bool, func(sealed) []byte)) {
	damaged, truncated := hostile.Is(agecodec.ErrDamaged), hostile.Is(agecodec.ErrTruncated)
	const sealedSize = chunk + 16
	changed("cut in the first line", truncated, func(f sealed) []byte { return f.file[:10] })
	changed("cut in a stanza", truncated, func(f sealed) []byte { return f.file[:60] })
	changed("cut before the MAC", truncated, func(f sealed) []byte { return f.file[:f.payload-40] })
	changed("cut after the header", truncated, func(f sealed) []byte { return f.file[:f.payload] })
	changed("cut in the nonce", truncated, func(f sealed) []byte { return f.file[:f.payload+7] })
	changed("cut after the nonce", truncated, func(f sealed) []byte { return f.file[:f.first] })
	changed("cut between two chunks", truncated, func(f sealed) []byte { return f.file[:f.first+sealedSize] })
	changed("cut in the last chunk", damaged, func(f sealed) []byte { return f.file[:len(f.file)-1] })
	changed("a wrong MAC", hostile.Is(agecodec.ErrDamaged), func(f sealed) []byte {
		return slices.Concat(f.file[:f.payload-44], []byte(strings.TrimPrefix(macLine, "--- ")), f.file[f.payload:])
	})
	changed("an added stanza", damaged, func(f sealed) []byte {
		return []byte(strings.Replace(string(f.file), "\n---", "\n-> a-grease\n\n---", 1))
	})
	changed("two chunks in turns", damaged, func(f sealed) []byte {
		p := f.file[f.first:]
		return slices.Concat(f.file[:f.first], p[sealedSize:2*sealedSize], p[:sealedSize], p[2*sealedSize:])
	})
	changed("a chunk twice", damaged, func(f sealed) []byte {
		return slices.Concat(f.file[:f.first+sealedSize], f.file[f.first:])
	})
	changed("a chunk left out", damaged, func(f sealed) []byte {
		return slices.Concat(f.file[:f.first], f.file[f.first+sealedSize:])
	})
	changed("an empty last chunk", damaged, func(f sealed) []byte { return f.emptyLast })
	changed("a byte after the end", damaged, func(f sealed) []byte { return append(bytes.Clone(f.file), 0) })
	changed("1 MiB of zeros after the end", damaged, func(f sealed) []byte {
		return append(bytes.Clone(f.file), make([]byte, 1<<20)...)
	})
	changed("a second file after the end", damaged, func(f sealed) []byte { return slices.Concat(f.file, f.file) })
	changed("the payload of another file", damaged, func(f sealed) []byte {
		return slices.Concat(f.file[:f.payload], f.other[f.payload:])
	})
}

// armorRows returns rows of armored texts.
func armorRows(
	file func(string, func(error) bool, string),
	endless func(string, func(error) bool, string, string),
	changed func(string, func(error) bool, func(sealed) []byte),
) {
	damaged, truncated := hostile.Is(agecodec.ErrDamaged), hostile.Is(agecodec.ErrTruncated)
	endless("armor: one line without an end", damaged, armorHead, "A")
	endless("armor: lines without an end and no file in them", damaged, armorHead, strings.Repeat("A", 64)+"\n")
	endless("armor: white space before it without an end", damaged, "", " \n")
	endless("armor: empty lines without an end", damaged, armorHead, "\n")
	file("armor: no body", truncated, armorHead+armorFoot)
	file("armor: no last line", truncated, armorHead)
	file("armor: first line twice", damaged, armorHead+armorHead+armorFoot)
	file("armor: PEM of another kind", damaged, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	file("armor: PEM headers", damaged, armorHead+"Comment: x\n\nYWJj\n"+armorFoot)
	changed("armor: rubbish after it", damaged, func(f sealed) []byte { return append(f.text, "rubbish"...) })
	changed("armor: a second armor after it", damaged, func(f sealed) []byte { return slices.Concat(f.text, f.text) })
	changed("armor: CR within lines", damaged, func(f sealed) []byte {
		return bytes.Replace(f.text, []byte("\n"+armorFoot), []byte("\r\r\n"+armorFoot), 1)
	})
	changed("armor: CRLF", hostile.Success, func(f sealed) []byte {
		return bytes.ReplaceAll(f.text, []byte("\n"), []byte("\r\n"))
	})
	changed("armor: cut in the middle", truncated, func(f sealed) []byte { return f.text[:len(f.text)/2] })
	changed("armor: an armor in an armor", hostile.Class(stream.Data), func(f sealed) []byte { return f.nested })
}

// otherRows returns rows for the other readers of files and keys.
func otherRows() []hostile.Row {
	parse := func(name, text string, want func(error) bool) hostile.Row {
		return hostile.Row{Name: name, Want: want, Run: func(*testing.T, context.Context) error {
			_, err := agecodec.ParseIdentities(strings.NewReader(text))
			return err
		}}
	}
	fatal := hostile.Class(stream.Fatal)
	quiet := func(err error) bool { return fatal(err) && !strings.Contains(err.Error(), "canary") }
	return []hostile.Row{
		{
			Name: "armor: white space after it without an end", Want: hostile.Is(agecodec.ErrDamaged),
			Run: func(t *testing.T, ctx context.Context) error {
				f := newSealed(t)
				return decryptAll(t, ctx, forever(string(f.text), "\n"), f.key)
			},
		},
		{
			Name: "Inspect: stanzas without an end", Want: hostile.Is(agecodec.ErrDamaged),
			Run: func(_ *testing.T, ctx context.Context) error {
				return inspectAll(ctx, forever(introLine, "-> a\n\n"))
			},
		},
		{Name: "Inspect: 2^64 of work", Want: hostile.Success, Run: func(_ *testing.T, ctx context.Context) error {
			return inspectAll(ctx,
				pieces([]byte(introLine+"-> scrypt "+saltText+" 18446744073709551616\n"+bodyLine+macLine), 0))
		}},
		{
			Name: "Rewrap: damage in the middle", Want: hostile.Is(agecodec.ErrDamaged),
			Run: func(t *testing.T, ctx context.Context) error {
				f := newSealed(t)
				f.file[f.first+chunk+16+5] ^= 1
				return drain(ctx, stream.Via(pieces(f.file, 0), agecodec.Rewrap([]age.Identity{f.key},
					f.key.Recipient())))
			},
		},
		{
			Name: "Encrypt: 1,025 recipients", Want: hostile.Is(agecodec.ErrRecipients),
			Run: func(t *testing.T, ctx context.Context) error {
				to := slices.Repeat([]age.Recipient{newKey(t).Recipient()}, 1025)
				return drain(ctx, stream.Via(pieces([]byte("x"), 0), agecodec.Encrypt(to...)))
			},
		},
		{
			Name: "Encrypt: a recipient's stanza of 3 MiB", Want: hostile.Is(agecodec.ErrRecipients),
			Run: func(_ *testing.T, ctx context.Context) error {
				return drain(ctx, stream.Via(pieces([]byte("x"), 0),
					agecodec.Encrypt(stanzas{{Type: "a", Body: make([]byte, 3<<20)}})))
			},
		},
		parse("keys: 17 MiB of zeros", string(make([]byte, 17<<20)), fatal),
		parse("keys: a line of 1 MiB", strings.Repeat("canary", 200_000), quiet),
		parse("keys: a malformed key", "AGE-SECRET-KEY-1canary", quiet),
		parse("keys: a PEM of rubbish", "-----BEGIN OPENSSH PRIVATE KEY-----\n"+strings.Repeat("canary", 10_000)+
			"\n-----END OPENSSH PRIVATE KEY-----\n", quiet),
		parse("keys: an armored file", armorHead+"canary\n"+armorFoot, quiet),
	}
}

// cutText returns the beginning of text, as the name of a row.
func cutText(text string) string {
	if len(text) > 30 {
		return fmt.Sprintf("%s… of %d bytes", text[:30], len(text))
	}
	return text
}

// decryptAll decrypts src with an identity of each non-interactive kind, and with those in more.
func decryptAll(t *testing.T, ctx context.Context, src stream.Source[[]byte], more ...age.Identity) error {
	t.Helper()
	with := append(more, newKey(t), newHybridKey(t))
	for _, key := range sshKeys(t) {
		id, err := agecodec.ParseSSHIdentity(key.pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		with = append(with, id)
	}
	if len(more) == 0 {
		with = append(with, agecodec.PassphraseIdentity("pw", nil))
	}
	return drain(ctx, stream.Via(src, agecodec.Decrypt(with...)))
}

// drain runs src and discards its output.
func drain(ctx context.Context, src stream.Source[[]byte]) error {
	return src.Each(ctx, func([]byte) error { return nil })
}

func inspectAll(ctx context.Context, src stream.Source[[]byte]) error {
	_, err := stream.Run(ctx, src, agecodec.Inspect())
	return err
}

var errEndless = errors.New("the test's own: 1 GiB was read")

// forever emits head, and then unit without end.
func forever(head, unit string) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if head != "" {
			if err := emit([]byte(head)); err != nil {
				return err
			}
		}
		block := strings.Repeat(unit, max(1, 64<<10/len(unit)))
		for range 1 << 30 / len(block) {
			if err := emit([]byte(block)); err != nil {
				return err
			}
		}
		return errEndless
	})
}

// sealed is a valid file of three chunks, with the offsets of its parts.
type sealed struct {
	key            *age.X25519Identity
	file, text     []byte // binary, armored
	payload, first int    // offsets of the nonce and of the first chunk
	other          []byte // another file for the same key
	emptyLast      []byte
	nested         []byte
}

func newSealed(t *testing.T) sealed {
	t.Helper()
	f := sealed{key: newKey(t)}
	to := f.key.Recipient()
	f.file = ageEncrypt(t, noise(2*chunk+100), to)
	f.other = ageEncrypt(t, noise(2*chunk+100), to)
	f.text = ageArmor(t, f.file)
	f.payload = len(f.file) - len(payloadOf(t, f.file))
	f.first = f.payload + 16
	f.emptyLast = agecodec.SealForTest(t, to, noise(chunk), nil)
	f.nested = ageArmor(t, f.text)
	return f
}
