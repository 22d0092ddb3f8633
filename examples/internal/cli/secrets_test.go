package cli

import "testing"

// TestHidden has secrets, and what looks like one, in text of another's making.
func TestHidden(t *testing.T) {
	var s secrets
	s.add(`pa"ss\`, "server", "2026", "pw")
	for text, want := range map[string]string{
		"open # key\nAGE-SECRET-KEY-1PTAP357A7P7LJD9: no such file":                        "open # key\n[hidden]: no such file",
		"age-secret-key-pq-1xyz":                                                           "[hidden]",
		"invalid value mongodb://user:pa55@host:1/x?y=z for":                               "invalid value mongodb://[hidden]@host:1/x?y=z for",
		"mongodb://u:a/b#c@host/":                                                          "mongodb://[hidden]@host/",
		"http://127.0.0.1:9000/bucket and mail@example.com":                                "http://127.0.0.1:9000/bucket and mail@example.com",
		"mongodb://host:27017/":                                                            "mongodb://host:27017/",
		"want " + wantURI + ", not mongodb://u:pa55@h/":                                    "want " + wantURI + ", not mongodb://[hidden]@h/",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----": "[hidden]-----END OPENSSH PRIVATE KEY-----",
		`wrong: pa"ss\`:            "wrong: [hidden]",
		`wrong: "pa\"ss\\"`:        `wrong: "[hidden]"`,
		"bad user server, servers": "bad user [hidden], servers",
		"pw: pwd":                  "pw: pwd", // it is part of many words
		`parsing "pw"`:             `parsing "[hidden]"`,
		"serverserver server":      "serverserver [hidden]",
	} {
		if got := s.foreign(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{ // of the program's own making
		"no MongoDB server answers": "no MongoDB server answers",
		"stored in 2026":            "stored in 2026",
		`it is pa"ss\`:              "it is [hidden]",
	} {
		if got := s.message(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

// TestURIErrors has the driver's reason for every bad URI, and nothing of its secrets.
func TestURIErrors(t *testing.T) {
	for _, c := range []struct {
		uri, want string
		usage     bool
	}{
		{"mongodb://u:pa%zz55@h/", `X: invalid password: invalid URL escape "[hidden]": want ` + wantURI + ", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://u:can/ary@h/", "X: unescaped slash in password: want " + wantURI + ", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://u:canary", "X: port must be an integer: want " + wantURI + ", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://h:65536/", "X: port must be in the range [1, 65535]: want " + wantURI + ", with : / ? # [ ] @ % in user and password percent-encoded", true},
		{"mongodb://h/?maxPoolSize=all", `X: invalid value for "maxPoolSize": "all"`, true},
		{"mongodb://h/?tls", "X: invalid option: want name=value, and & between two of them", true},
		{"mongodb://h/?authMechanism=X", "X: invalid auth mechanism", true},
		{"mongodb://h/?readPreference=first", "X: unknown read preference first", true},
		{"mongodb://a,b/?directConnection=true", "X: a direct connection cannot be made if multiple hosts are specified", true},
		{"mongodb://h/?tls=true&tlsCertificateKeyFile=/no/key&tlsCertificateKeyFilePassword=%zz", `X: invalid option value "[hidden]": invalid URL escape "[hidden]"`, true},
		{"mongodb://h/?tls=true&tlsCAFile=/no/ca", "X: a file that the URI names cannot be read: open /no/ca: no such file or directory", false},
		{"mongodb://h/?tls=true&tlsCAFile=/dev/null", "X: a file that the URI names is not what it should be: the specified CA file does not contain any valid certificates", false},
	} {
		var s secrets
		s.add(uriSecrets(c.uri)...)
		_, err := parseURI(t.Context(), c.uri)
		if err == nil {
			t.Errorf("%s is taken", c.uri)
			continue
		}
		err = uriError("X", c.uri, err, &s)
		if _, usage := err.(*UsageError); err.Error() != c.want || usage != c.usage { //nolint:errorlint // itself, not what it wraps
			t.Errorf("%s: %v (usage error: %t), want %s", c.uri, err, usage, c.want)
		}
	}
}
