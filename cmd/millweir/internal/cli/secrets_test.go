package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/printable"
)

// TestForeign checks texts from outside that hold secrets, or words that look like one.
func TestForeign(t *testing.T) {
	var s secrets
	s.add(`pa"ss\Word1`, "server", "2026", "pw", "c0rrect Horse+1", "Battery-1", "Battery-1-Staple", "pa\"ss\x1bWord3")
	s.addNames("root")
	for text, want := range map[string]string{
		"open # key\nAGE-SECRET-KEY-1PTAP357A7P7LJD9: no such file": "" +
			"open # key; [hidden]: no such file",
		"age-secret-key-pq-1xyz": "[hidden]",
		"invalid value mongodb://user:pa55@host:1/x?y=z for": "" +
			"invalid value mongodb://[hidden]@host:1/x?[hidden] for",
		"mongodb://u:a/b#c@host/": "mongodb://[hidden]@host/",
		"https://token@host/x":    "https://[hidden]@host/x",
		`Get "http://host/b?X-Amz-Signature=1&token=t": refused`: "" +
			`Get "http://host/b?[hidden]": refused`,
		"http://127.0.0.1:9000/bucket and mail@example.com": "" +
			"http://127.0.0.1:9000/bucket and mail@example.com",
		"mongodb://host:27017/": "mongodb://host:27017/",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----": "" +
			"[hidden]-----END OPENSSH PRIVATE KEY-----",
		`wrong: pa"ss\Word1`:      "wrong: [hidden]",
		`wrong: "pa\"ss\\Word1"`:  `wrong: "[hidden]"`,
		"wrong: pa%22ss%5CWord1x": "wrong: [hidden]x",
		"GET /c0rrect%20Horse+1?key=c0rrect+Horse%2B1": "GET " +
			"/[hidden]?key=[hidden]",
		"not Battery-1-Staple":                              "not [hidden]",
		"Basic bWU6QmF0dGVyeS0x":                            "Basic bWU6[hidden]", // me:Battery-1
		"Basic eDpCYXR0ZXJ5LTE=":                            "Basic eDp[hidden]E=",
		"got 426174746572792d31":                            "got [hidden]",
		"the server c2VydmVy":                               hiddenText,
		"the key RWQAAEIy" + strings.Repeat("A", 204) + "=": "the key [hidden]",
		"wrong: pa\"ss\x1bWord3":                            "wrong: [hidden]",
		"bad user server, servers":                          hiddenText,
		"servers, observer":                                 "servers, observer",
		"in 2026-01":                                        hiddenText,
		"12026 servers":                                     "12026 servers",
		"pw: pwd":                                           hiddenText,
		"pwd":                                               "pwd",
		`no user "root", user root, /root`:                  `no user "[hidden]", user [hidden], /root`,
		strings.Repeat("x", 2000): strings.Repeat("x",
			1024) + "… (2.0 KiB in all)",
		"\x1b[2J\u202e\xff": `\x1b[2J\u202e\xff`,
	} {
		if got := s.foreign(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{ // chosen by the operator
		"server":           "server",
		"2026":             "2026",
		`pa"ss\Word1`:      "[hidden]",
		"want " + wantURI:  "want " + wantURI,
		"mongodb://u:p@h/": "mongodb://[hidden]@h/",
	} {
		if got := s.local(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

// TestValues puts a secret into each kind of value of a message.
func TestValues(t *testing.T) {
	var s secrets
	s.add("c0rrect-Horse", "word")
	for _, c := range []struct{ value, want any }{
		{"word c0rrect-Horse", "word [hidden]"},
		{[]string{"word", "c0rrect-Horse"}, []string{"word", "[hidden]"}},
		{Foreign("no c0rrect-Horse"), "no [hidden]"},
		{[]Foreign{"a word", "\x1b"}, []string{hiddenText, `\x1b`}},
		{Textf("%s: %s", "word", Foreign("word")), "word: " + hiddenText},
		{errors.New("a word"), hiddenText},
		{new(spoken), "spoken: [hidden]"},
		{7, 7},
		{true, true},
		{nil, nil},
	} {
		if got := s.value(c.value); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v becomes %v, want %v", c.value, got, c.want)
		}
	}
}

type spoken struct{}

func (*spoken) String() string { return "spoken: c0rrect-Horse" }

// TestOwnWords uses secrets that are also words of the messages, keys of their JSON or part of
// their time. All of these must stay.
func TestOwnWords(t *testing.T) {
	for _, secret := range []string{
		"2026", "202", "20", "level", "time", "msg", "INFO", "documents", "error", "exit", "a", "0", "stored", `"`, ":",
		"{", "backup", "true", "T", "Z", "-", "parts_of_the_object",
	} {
		var b bytes.Buffer
		p := &Program{Name: "backup", out: &b, secrets: new(secrets)}
		p.secrets.add(secret)
		for _, p.JSON = range []bool{false, true} {
			b.Reset()
			p.say(slog.LevelInfo, Textf("stored %d documents as %s, ETag %s", 7, "level", Foreign("x")),
				"backup stored",
				"documents", 7, "key", "level", "etag", Foreign("x"), "parts_of_the_object", 2)
			said := b.String()
			if !p.JSON {
				if said != "backup: stored 7 documents as level, ETag x\n" {
					t.Errorf("with %q: %s", secret, said)
				}
				continue
			}
			var log struct {
				Time, Level, Msg, Key, ETag string
				Documents                   int
				Parts                       int `json:"parts_of_the_object"`
			}
			err := json.Unmarshal([]byte(said), &log)
			if err != nil || len(log.Time) < 20 || log.Level != "INFO" || log.Msg != "backup stored" ||
				log.Key != "level" || log.Documents != 7 || log.Parts != 2 || log.ETag != "x" {
				t.Errorf("with %q: %s", secret, said)
			}
		}
	}
}

// TestLargeText checks very large texts from outside. They must be cut, and the cut must not reveal
// a part of a secret.
func TestLargeText(t *testing.T) {
	var s secrets
	token := strings.Repeat("session-Token-9", 300)
	s.add(token)
	var weak secrets
	weak.add("correcthorses")
	weak.addNames("administrator")
	// The text is cut inside the word, and the newlines before it are not shown.
	for _, word := range []string{"correcthorses", "user administrator"} {
		if got := weak.foreign(
			strings.Repeat("\n", maxInput-len(word)+1) + word,
		); strings.Contains(got, word[:len(word)-1]) {
			t.Errorf("%s is shown as %s", word, got)
		}
	}
	for _, text := range []string{
		strings.Repeat("x", 40<<20),
		strings.Repeat(token, 100),
		strings.Repeat("x", maxInput-len(token)/2) + token,
		strings.Repeat("\x00", 1<<20),
		"E11000 " + strings.Repeat("é", 1<<20),
	} {
		got := s.foreign(text)
		if len(got) > maxText+100 || strings.Contains(got, token[:20]) || !utf8.ValidString(got) {
			t.Errorf("%d bytes become %d: %.200s", len(text), len(got), got)
		}
	}
}

// FuzzRedact hides a secret in a text and looks for it in the result.
func FuzzRedact(f *testing.F) {
	f.Add("c0rrect-Horse", "the password ", " is wrong")
	f.Add("2026", "in ", "-01-01")
	f.Add("level", `{"`, `":1}`)
	f.Add("pw", "pw", "pwpw")
	f.Add(`pa"ss`, `"`, `"`)
	f.Add("päß wört", "mongodb://u:", "@h/?x=y")
	f.Add("a b c d e f 1 2 3", "\xff", "\x1b[31m")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		written := hiddenText + " … (1234567890. KMGiB in all)" // added by foreign
		if secret == "" || !utf8.ValidString(secret) || strings.ContainsAny(secret, `[]\%`) ||
			strings.ContainsFunc(secret, unicode.IsControl) ||
			strings.Contains(written, secret) || strings.TrimSpace(secret) != secret {
			return
		}
		var s secrets
		s.add(secret)
		for _, text := range []string{
			before + secret + after,
			before + " " + secret + " " + after,
			fmt.Sprintf("%q", before+secret+after),
		} {
			got := s.foreign(text)
			if strong(secret) && strings.Contains(got, printable.Escape(secret)) ||
				!strong(secret) && hasWord(got, printable.Escape(secret)) {
				t.Errorf("%q shows %q as %q", text, secret, got)
			}
			if again := s.describe(errors.New(text)); again != got {
				t.Errorf("%q: %q and %q", text, got, again)
			}
		}
	})
}

// FuzzPrintable checks that every text from outside becomes one short line without control
// characters.
func FuzzPrintable(f *testing.F) {
	for _, text := range []string{
		"", "plain", "\x1b[31mred", "a\u202eb", "\u2066x\u2069", "\xff\xfe", "\u009b2J", "two\nlines\r\n", "\ufeff",
		"\u200b", "\U000e0001", "\ufffd", "é\u0301", strings.Repeat("é", 600),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := (*secrets)(nil).foreign(text)
		if !utf8.ValidString(got) || len(got) > maxText+40 {
			t.Errorf("%q becomes %d bytes: %q", text, len(got), got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q becomes %q, with %U", text, got, r)
			}
		}
		if once := printable.Escape(text); printable.Escape(once) != once {
			t.Errorf("%q is escaped twice", text)
		}
	})
}

// TestURIErrors checks that the error of a bad URI has the driver's reason and no secret.
func TestURIErrors(t *testing.T) {
	for _, c := range []struct {
		uri, want string
		usage     bool
	}{
		{"mongodb://u:pa%zz55@h/", `X: invalid password: invalid URL escape "[hidden]": want ` + wantURI +
			", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://u:can/ary@h/", "X: unescaped slash in password: want " + wantURI +
			", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://u:canary", "X: port must be an integer: want " + wantURI +
			", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://h:65536/", "X: port must be in the range [1, 65535]: want " + wantURI +
			", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://h/?maxPoolSize=all", `X: invalid value for "maxPoolSize": "all"`, true},
		{"mongodb://h/?tls", "X: invalid option: want name=value, and & between two of them", true},
		{"mongodb://h/?authMechanism=X", "X: invalid auth mechanism", true},
		{"mongodb://h/?readPreference=first", "X: unknown read preference first", true},
		{
			"mongodb://a,b/?directConnection=true",
			"X: a direct connection cannot be made if multiple hosts are specified", true,
		},
		{
			"mongodb://h/?tls=true&tlsCertificateKeyFile=/no/key&tlsCertificateKeyFilePassword=%zz",
			"X: " + hiddenText, true,
		},
		{
			"mongodb://h/?tls=true&tlsCAFile=/no/ca",
			"X: a file that the URI names cannot be read: open /no/ca: no such file or directory", false,
		},
		{
			"mongodb://h/?tls=true&tlsCAFile=/dev/null",
			"X: a file that the URI names is not what it should be: the specified CA file does not contain any " +
				"valid certificates", false,
		},
	} {
		var s secrets
		s.addURI(c.uri)
		_, err := parseURI(t.Context(), c.uri)
		if err == nil {
			t.Errorf("%s is taken", c.uri)
			continue
		}
		err = uriError("X", c.uri, err)
		_, usage := err.(*UsageError) //nolint:errorlint // the error itself, not what it wraps
		if s.describe(err) != c.want || usage != c.usage {
			t.Errorf("%s: %v (usage error: %t), want %s", c.uri, s.describe(err), usage, c.want)
		}
	}
}
