package backup_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
)

// Neither keys nor a repository print a secret, whatever the verb.
func TestKeysAreHidden(t *testing.T) {
	me := newPerson(t)
	r, err := backup.Init(t.Context(), dirstore.New(t.TempDir(), nil), me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	secret := me.identity.String()
	file, err := me.sign.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ Keys []backup.Keys }{[]backup.Keys{me.keys()}}
	for _, v := range []any{me.keys(), holder, r, *r} {
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed := string(asJSON)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			printed += fmt.Sprintf(verb, v)
		}
		for _, canary := range []string{secret, secret[20:50], fmt.Sprintf("%x", secret[20:40]), string(file[80:120])} {
			if strings.Contains(printed, canary) {
				t.Errorf("%T prints a secret: %s", v, printed)
			}
		}
	}
}
