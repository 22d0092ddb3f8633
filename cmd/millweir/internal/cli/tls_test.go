package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestNoTLS connects over http and https, with and without a session token. Connections over http
// to another machine must give one warning, which names the token if there is one.
func TestNoTLS(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_CONFIG_FILE", "/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "c0rrect-Horse")
	for _, c := range []struct {
		endpoint, token string
		says, hides     string
	}{
		{"http://192.0.2.1:9000", "t0ken-Canary-9", "and the session token", "t0ken-Canary-9"},
		{"http://192.0.2.1:9000", "", "is reached without TLS", "and the session token"},
		{"https://192.0.2.1:9000", "t0ken-Canary-9", "", ""},
		{"http://127.0.0.1:9000", "t0ken-Canary-9", "", ""},
	} {
		t.Setenv("AWS_ENDPOINT_URL_S3", c.endpoint)
		t.Setenv("AWS_SESSION_TOKEN", c.token)
		var b bytes.Buffer
		s := &S3{Bucket: "backups", Prefix: "tenant"}
		if _, err := s.Connect(t.Context(), &Program{Name: "backup", out: &b, secrets: new(secrets)}); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if strings.Count(got, "\n") != min(len(c.says), 1) || !strings.Contains(got, c.says) ||
			c.hides != "" && strings.Contains(got, c.hides) {
			t.Errorf("%s: %q", c.endpoint, got)
		}
	}
}

// TestNoReplies uses a URI that turns off replies, which the program must reject before it
// connects.
func TestNoReplies(t *testing.T) {
	for option, refused := range map[string]bool{"w=0": true, "w=1": false, "w=majority": false} {
		var b bytes.Buffer
		t.Setenv("MONGODB_URI", "mongodb://h/?"+option)
		m := &Mongo{}
		_, err := m.options(t.Context(), &Program{Name: "backup", out: &b, secrets: new(secrets)})
		if got := errors.As(err, new(*UsageError)); got != refused || (err != nil) != refused || b.Len() > 0 {
			t.Errorf("%s: %v, %s", option, err, &b)
		}
	}
}
