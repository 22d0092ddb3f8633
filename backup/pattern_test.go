package backup

import (
	"path"
	"strings"
	"testing"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, database, collection string
		want                          bool
	}{
		{"shop", "shop", "orders", true},
		{"shop", "shop2", "orders", false},
		{"shop.*", "shop", "a.b", true},
		{"*", "any", "thing", true},
		{"*.orders", "shop", "orders", true},
		{"*.orders", "shop", "old.orders", false},
		{"*.*orders", "shop", "old.orders", true},
		{"s*p.o*r*s", "shop", "orders", true},
		{"s*p.o*r*x", "shop", "orders", false},
		{"shop.a.b", "shop", "a.b", true},
		{"shop.a.b", "shop", "axb", false},
		{`shop.a\*`, "shop", "a*", true},
		{`shop.a\*`, "shop", "ab", false},
		{`shop.a\\b`, "shop", `a\b`, true},
		{`a\.b`, "a.b", "c", true},
		{"shop.é", "shop", "é", true},
		{"shop.Orders", "shop", "orders", false},
		{"shop.**", "shop", "x", true},
	} {
		p, err := parsePattern(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		n := mongosource.Namespace{Database: test.database, Collection: test.collection}
		if got := p.matches(n); got != test.want {
			t.Errorf("%s and %s: %v", test.pattern, n, got)
		}
	}
	for _, bad := range []string{"", ".x", "x.", `x\`, `x\y`} {
		if _, err := parsePattern(bad); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Without escapes, a pattern matches as path.Match does.
func FuzzPattern(f *testing.F) {
	f.Add("a*b*c", "aXbYc")
	f.Fuzz(func(t *testing.T, text, name string) {
		if strings.ContainsAny(text+name, `\[?/.`) || text == "" {
			return // path.Match gives these characters a meaning
		}
		p, err := parsePattern("d." + text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := path.Match(text, name)
		if err != nil {
			return
		}
		if got := p.matches(mongosource.Namespace{Database: "d", Collection: name}); got != want {
			t.Errorf("%q and %q: %v", text, name, got)
		}
	})
}
