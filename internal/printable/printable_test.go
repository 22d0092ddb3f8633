package printable_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/printable"
)

func TestText(t *testing.T) {
	long := strings.Repeat("x", 3*printable.Max)
	for in, want := range map[string]string{
		"":                        "",
		`a "plain" text, é ✓`:     `a "plain" text, é ✓`,
		"\x1b[31mred":             `\x1b[31mred`,
		"\u009b31m":               `\u009b31m`,
		"file\u202egpj.exe":       `file\u202egpj.exe`,
		"two\r\nlines\x00":        `two\r\nlines\x00`,
		"no UTF-8: \xff\xfe":      `no UTF-8: \xff\xfe`,
		long[:printable.Max]:      long[:printable.Max],
		long:                      long[:printable.Max] + "… (2048 bytes more)",
		long[:1023] + "é":         long[:1023] + "… (2 bytes more)",
		long[:1021] + "\x1b" + "": long[:1021] + "… (1 bytes more)",
	} {
		if got := printable.Text(in); got != want {
			t.Errorf("%.40q became %.1100q, want %.1100q", in, got, want)
		}
		if !strings.Contains(want, "…") {
			if got := printable.Escape(in); got != want {
				t.Errorf("%.40q is escaped as %.1100q, want %.1100q", in, got, want)
			}
		}
		if is := printable.Is(in); is != (in == want || in[0] == 'x' && !strings.Contains(in, "\x1b")) {
			t.Errorf("%.40q is printable: %v", in, is)
		}
	}
}

func TestQuote(t *testing.T) {
	long := strings.Repeat("é", printable.Max)
	for in, want := range map[string]string{
		`"etag"`:                     `"\"etag\""`,
		"\x1b\u202e":                 `"\x1b\u202e"`,
		"x" + long[:2048]:            `"x` + long[:1022] + `"… (1026 bytes more)`,
		long[:printable.Max]:         `"` + long[:printable.Max] + `"`,
		strings.Repeat("\x80", 2000): `"` + strings.Repeat(`\x80`, 1020) + `"… (980 bytes more)`,
	} {
		if got := printable.Quote(in); got != want {
			t.Errorf("%.40q became %.80q…%q, want %.80q…%q", in, got, got[len(got)-30:], want, want[len(want)-30:])
		}
	}
}

func TestHideURLs(t *testing.T) {
	for in, want := range map[string]string{
		"no URL: a://": "no URL: a://",
		`Put "http://u:p@host:9000/b/k?X=1": EOF`:  `Put "http://host:9000": EOF`,
		`Get "https://host/dir/a@b?sig=x": reset`:  `Get "https://host": reset`,
		`Get "http://[::1]:90/b": refused`:         `Get "http://[::1]:90": refused`,
		"Custom endpoint `http://u:p/w@h/x` fails": "Custom endpoint `http://h` fails",
		`at http://user:p"w@h/x now`:               `at http://h now`,
		`at http://user:word now`:                  `at http://[hidden] now`,
		"two: s3://a/b, https://c?d; end":          "two: s3://a, https://c; end",
		`quoted: "{\"u\": \"http://a/b\"}"`:        `quoted: "{\"u\": \"http://a\"}"`,
	} {
		if got := printable.HideURLs(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// FuzzText checks that the results of Text and Quote are bounded and printable for any input.
func FuzzText(f *testing.F) {
	f.Add("a\x1b[0m\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{printable.Text(s), printable.Quote(s)} {
			if len(got) > 4*printable.Max+40 || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool {
				return !unicode.IsPrint(r)
			}) {
				t.Errorf("%q became %q", s, got)
			}
		}
	})
}

// FuzzHideURLs checks that no secret part of a URL, as net/url writes it, remains in any context.
func FuzzHideURLs(f *testing.F) {
	f.Add("user", "pa/ss@word", "path?query", "at ", " now")
	f.Fuzz(func(t *testing.T, user, password, path, before, after string) {
		const canary = "CANARY"
		u := url.URL{
			Scheme: "http", Host: "host:9000", User: url.UserPassword(user, password+canary),
			Path: "/" + path + canary,
		}
		if strings.Contains(before+after+path, canary) || strings.Contains(before, "://") {
			return
		}
		if got := printable.HideURLs(before + " " + u.String() + " " + after); strings.Contains(got, canary) {
			t.Errorf("%q is left of %q", got, u.String())
		}
	})
}
