package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestInClear(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"":                         false,
		"https://s3.example.com":   false,
		"http://s3.example.com":    true,
		"HTTP://s3.example.com":    true,
		"http://10.0.0.1:9000":     true,
		"http://localhost:9000":    false,
		"http://LOCALHOST.:9000":   false,
		"http://s3.localhost":      false,
		"http://127.0.0.1:9000":    false,
		"http://127.9.9.9":         false,
		"http://[::1]:9000":        false,
		"http://localhost.evil":    true,
		"http://127.0.0.1.evil":    true,
		"http://127.0.0.1@evil/":   true,
		"http://[::ffff:7f00:1]/x": false,
	} {
		if got := sentInClear(endpoint); got != want {
			t.Errorf("%s: %t, want %t", endpoint, got, want)
		}
	}
}

// TestNoCertificate tries every option that could turn off the check of certificates. One warning
// must say that it does, or that it has no effect.
func TestNoCertificate(t *testing.T) {
	for option, want := range map[string]string{
		"tlsInsecure=true":                 "turns off the check",
		"sslInsecure=true":                 "turns off the check",
		"tlsAllowInvalidCertificates=true": "does not know, and ignores",
		"tlsAllowInvalidHostnames=true":    "does not know, and ignores",
		"tlsInsecure=false":                "",
	} {
		var b bytes.Buffer
		p := &Program{Name: "backup", out: &b, secrets: new(secrets)}
		t.Setenv("MONGODB_URI", "mongodb://h/?tls=true&"+option)
		m := &Mongo{}
		if _, err := m.options(t.Context(), p); err != nil {
			t.Errorf("%s: %v", option, err)
		}
		if got := b.String(); strings.Count(got, "\n") != min(len(want), 1) || !strings.Contains(got, want) {
			t.Errorf("%s: %q", option, got)
		}
	}
}
