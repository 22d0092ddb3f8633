package cli

import (
	"regexp"
	"strings"
)

// wantURI is how the messages of this package write a MongoDB URI. It looks like one with a
// password, and is none.
const wantURI = "mongodb://[user:password@]host[:port]/[?options]"

// looks are what secrets look like. They end up in a message if a flag is given the secret in place
// of a file's name, or in an error that quotes the address of a request.
var looks = []struct {
	within string // no text without it has a match
	what   *regexp.Regexp
	show   string
}{
	{"-", regexp.MustCompile(`(?i)AGE-SECRET-KEY-[0-9A-Z-]*`), hidden},
	{"://", regexp.MustCompile(`://[^\s/?#@"]*@`), "://" + hidden + "@"},      // user and password of a URI
	{"://", regexp.MustCompile(`://[^\s/@]*:[^\s@]*@`), "://" + hidden + "@"}, // a password may hold a slash
	{"://", regexp.MustCompile(`(://[^\s?"]*\?)[^\s"]+`), "${1}" + hidden},    // the query of a URI
	{"-----BEGIN", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*`), hidden},
}

// hideLooks returns text without what is a secret by its looks.
func hideLooks(text string) string {
	parts := strings.Split(text, wantURI)
	for i := range parts {
		for _, l := range looks {
			if strings.Contains(parts[i], l.within) {
				parts[i] = l.what.ReplaceAllString(parts[i], l.show)
			}
		}
	}
	return strings.Join(parts, wantURI)
}
