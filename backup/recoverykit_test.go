package backup

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// The kit has every envelope, with which an identity opens the epoch without the store, and no secret.
func TestRecoveryKit(t *testing.T) {
	r, _ := makeRepository(t)
	if err := r.NewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	kit, err := r.RecoveryKit(t.Context(), "s3://backups/x")
	if err != nil {
		t.Fatal(err)
	}
	recipients := regexp.MustCompile(`(?m)^recipient: (age1\S+)$`).FindAllStringSubmatch(kit, -1)
	envelopes := regexp.MustCompile(`(?s)-----BEGIN AGE.*?-----END AGE ENCRYPTED FILE-----`).FindAllString(kit, -1)
	if len(recipients) != 2 || len(envelopes) != 2 {
		t.Fatalf("%d recipients and %d envelopes in\n%s", len(recipients), len(envelopes), kit)
	}
	for i, text := range envelopes {
		content, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), r.keys.Identities...)
		if err != nil {
			t.Fatal(err)
		}
		var secret bytes.Buffer
		if _, err := secret.ReadFrom(content); err != nil {
			t.Fatal(err)
		}
		identity, err := age.ParseX25519Identity(strings.TrimSpace(secret.String()))
		if err != nil || identity.Recipient().String() != recipients[i][1] {
			t.Errorf("envelope %d is not that of its epoch: %v", i, err)
		}
	}
	for _, want := range []string{"s3://backups/x", r.ID(), r.keys.Sign.Public().String()} {
		if !strings.Contains(kit, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(kit, "AGE-SECRET-KEY") {
		t.Error("it has a secret")
	}
}

// The kit says which keys were shredded: it does not help to read what they encrypted.
func TestRecoveryKitShredded(t *testing.T) {
	r, _ := makeRepository(t)
	if err := r.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	kit, err := r.RecoveryKit(t.Context(), "./repo")
	if err != nil || !strings.Contains(kit, "shredded") || strings.Contains(kit, "BEGIN AGE") {
		t.Errorf("%v\n%s", err, kit)
	}
}
