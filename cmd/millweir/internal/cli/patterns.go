package cli

import (
	"regexp"
	"strings"
)

// wantURI is the form of a MongoDB URI in error texts. The patterns of secrets match it, so it must
// be exempt from them.
const wantURI = "mongodb://[user:password@]host[:port]/[?options]"

// secretPatterns match secrets by their form. A message can hold one if a flag got the secret in
// place of a file's name, or if an error quotes the address of a request.
var secretPatterns = []struct {
	marker      string // every match contains it
	pattern     *regexp.Regexp
	replacement string
}{
	{"-", regexp.MustCompile(`(?i)AGE-SECRET-KEY-[0-9A-Z-]*`), hidden},
	{"://", regexp.MustCompile(`://[^\s/?#@"]*@`), "://" + hidden + "@"},      // user and password of a URI
	{"://", regexp.MustCompile(`://[^\s/@]*:[^\s@]*@`), "://" + hidden + "@"}, // a password may hold a slash
	{"://", regexp.MustCompile(`(://[^\s?"]*\?)[^\s"]+`), "${1}" + hidden},    // the query of a URI
	// A secret key of minisign: "Ed", how it is encrypted, and "B2", in base64. A public key is
	// shorter.
	{"RW", regexp.MustCompile(`RW(QAAEIy|RTY0Iy)[A-Za-z0-9+/]{60,}=*`), hidden},
	{"-----BEGIN", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*`), hidden},
}

// hidePatterns returns text with every match of secretPatterns hidden.
func hidePatterns(text string) string {
	parts := strings.Split(text, wantURI)
	for i := range parts {
		for _, l := range secretPatterns {
			if strings.Contains(parts[i], l.marker) {
				parts[i] = l.pattern.ReplaceAllString(parts[i], l.replacement)
			}
		}
	}
	return strings.Join(parts, wantURI)
}
