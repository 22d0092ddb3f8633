package millweir_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

// cage holds canaries: secrets that no text of the library may contain, each with the forms that it
// could take there.
type cage map[string][]string

// add puts a secret into the cage, as text and as the bytes that fmt, JSON or a log could write.
func (c cage) add(name string, secret []byte) {
	decimal := strings.Trim(fmt.Sprint(secret), "[]")
	c[name] = append(c[name], string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.StdEncoding.EncodeToString(secret), decimal, strings.ReplaceAll(decimal, " ", ","),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{"), "}"))
}

// addKey puts every run of at least 16 bytes inside a key into the cage.
func (c cage) addKey(name string, key any) { c.walk(name, reflect.ValueOf(key), 0) }

func (c cage) walk(name string, v reflect.Value, depth int) {
	if depth > 8 || !v.IsValid() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		c.walk(name, v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i).Name; !isPublic(field) {
				c.walk(name, v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Len() >= 16 {
			c.add(name, v.Bytes())
		}
	}
}

// isPublic reports whether a field of a key holds its public half.
func isPublic(field string) bool {
	field = strings.ToLower(field)
	return strings.Contains(field, "public") || strings.HasPrefix(field, "ourpub") || field == "pk" || field == "sshkey"
}

// check fails the test if a text contains a canary.
func (c cage) check(t *testing.T, where, text string) {
	t.Helper()
	for name, forms := range c {
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%s shows the %s", where, name)
				return
			}
		}
	}
}

// outer and inner hold a value as a user's own type does. fmt cannot call the methods of inner's
// value, because its field is not exported.
type outer struct{ Held any }

type inner struct{ held any }

// checkPrinted prints v by fmt, JSON and slog, alone and inside the types that a program may keep
// it in.
func (c cage) checkPrinted(t *testing.T, name string, v any) {
	t.Helper()
	for _, holder := range []any{
		v,
		[]any{v},
		map[string]any{"k": v},
		outer{v},
		&outer{v},
		inner{v},
		&inner{v},
		[]inner{{v}},
		map[string]inner{"k": {v}},
		fmt.Errorf("x: %w", anError{v}),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			c.check(t, fmt.Sprintf("%s of %s in %T", verb, name, holder), fmt.Sprintf(verb, holder))
		}
		if text, err := json.Marshal(holder); err == nil {
			c.check(t, fmt.Sprintf("JSON of %s in %T", name, holder), string(text))
		} else {
			c.check(t, fmt.Sprintf("the error of JSON of %s in %T", name, holder), err.Error())
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Error("x", "v", holder)
		slog.New(slog.NewJSONHandler(&log, nil)).Error("x", slog.Group("g", "v", holder))
		c.check(t, fmt.Sprintf("slog of %s in %T", name, holder), log.String())
	}
}
