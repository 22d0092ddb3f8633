package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/stream"
)

// A public key, and a signature of "the manifest" by it. The program minisign 0.11 made them.
const (
	programKey = "untrusted comment: minisign public key 27288D1DE85A9D9D\n" +
		"RWSdnVroHY0oJ3RM8tY64PUF2ZC+vumPPCfDlKZWcx1ZnYbtOKt4xZTG\n"
	programSignature = "untrusted comment: signature from minisign secret key\n" +
		"RUSdnVroHY0oJxTbUuwlogYc7vIifhQ6LcgSxyXKjEM5bRdCQx8jY9ZaLOpcS+hYX1lvePPxviBnUB6w+dYchFstpdKK9jC1Dgs=\n" +
		"trusted comment: manifest 1\n" +
		"nFKBMr9DE21xyG25Inc2xebquf7efSQwWESWKRSkdowHYeP0Y6MLUzwvWJWqDN83GaFA8qPvk9UfF/3taOtpCQ==\n"
)

func TestVerifiesTheProgram(t *testing.T) {
	key, err := signing.ParsePublicKey(programKey)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("the manifest")
	if err := key.Verify(message, []byte(programSignature), "manifest 1"); err != nil {
		t.Error(err)
	}
	if err := key.Verify(message, []byte(programSignature), "manifest 2"); !errors.Is(err, signing.ErrSignature) {
		t.Error(err)
	}
}

// Every change of message, signature, comment or key is refused.
func TestRefuses(t *testing.T) {
	secret, public := generate(t)
	_, other := generate(t)
	message := []byte("the manifest")
	signature, err := secret.Sign(message, "manifest 1")
	if err != nil {
		t.Fatal(err)
	}
	if err := public.Verify(message, signature, "manifest 1"); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, signing.ErrSignature) || stream.ClassOf(err) != stream.Data {
			t.Errorf("%s: %v of the class %v", what, err, stream.ClassOf(err))
		}
	}
	refused("another key", other.Verify(message, signature, "manifest 1"))
	refused("another comment", public.Verify(message, signature, "manifest 2"))
	refused("no signature", public.Verify(message, nil, "manifest 1"))
	for i := range message {
		changed := bytes.Clone(message)
		changed[i] ^= 1
		refused("another message", public.Verify(changed, signature, "manifest 1"))
		refused("a shorter message", public.Verify(message[:i], signature, "manifest 1"))
	}
	lines := strings.Split(string(signature), "\n")
	for _, line := range []int{1, 3} {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[line]))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(raw) {
			raw[bit/8] ^= 1 << (bit % 8)
			changed := append([]string{}, lines...)
			changed[line] = base64.StdEncoding.EncodeToString(raw)
			refused(fmt.Sprint("bit ", bit, " of line ", line), public.Verify(message,
				[]byte(strings.Join(changed, "\n")), "manifest 1"))
			raw[bit/8] ^= 1 << (bit % 8)
		}
	}
	if _, err := secret.Sign(message, "two\nlines"); stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
}

func TestKeyFiles(t *testing.T) {
	secret, public := generate(t)
	file, err := secret.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := signing.ParseKey(file, nil)
	if err != nil || again.Public().String() != public.String() {
		t.Fatal(err)
	}
	if parsed, err := signing.ParsePublicKey(public.String()); err != nil || parsed.String() != public.String() {
		t.Error(err)
	}
	for _, purpose := range []string{"a", "b"} {
		first, err := secret.Derive(purpose)
		second, err2 := again.Derive(purpose)
		other, err3 := secret.Derive(purpose + "x")
		if err := errors.Join(err, err2, err3); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(first, second) || bytes.Equal(first, other) || len(first) != 32 {
			t.Errorf("%x, %x, %x", first, second, other)
		}
	}
	for _, bad := range [][]byte{nil, []byte("x"), []byte(public.String()), file[:len(file)-4], file[60:]} {
		if _, err := signing.ParseKey(bad, nil); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "x", public.String()[2:], string(file)} {
		if _, err := signing.ParsePublicKey(bad); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A key is never printed.
func TestKeyIsHidden(t *testing.T) {
	secret, _ := generate(t)
	file, err := secret.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Split(string(file), "\n")[1]))
	if err != nil {
		t.Fatal(err)
	}
	seed := data[62:94]
	holder := struct{ Keys []*signing.Key }{[]*signing.Key{secret}}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed := string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		printed += fmt.Sprintf(verb, secret) + fmt.Sprintf(verb, *secret) + fmt.Sprintf(verb, holder)
	}
	for _, form := range []string{
		fmt.Sprintf("%x", seed[:8]), fmt.Sprint(seed[:8]), base64.StdEncoding.EncodeToString(seed)[:10],
		strings.Trim(fmt.Sprint(seed[:8]), "[]"), strings.TrimSpace(string(file)[60:90]),
	} {
		if strings.Contains(printed, form) {
			t.Errorf("printed: %s", printed)
		}
	}
}

func generate(t *testing.T) (*signing.Key, signing.PublicKey) {
	t.Helper()
	secret, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return secret, secret.Public()
}
