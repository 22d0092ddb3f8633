package backup_test

import (
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

func TestCheckKey(t *testing.T) {
	for _, key := range []string{
		"a", "repo.json", "keys/e1/0.age", "data/20261129t160000z-0f/000001.jsonl.gz.age", "com", "com10", "auxiliary",
		strings.Repeat("a", 200), strings.Repeat("abcdefghi/", 69) + "abcdefghij",
	} {
		if err := backup.CheckKey(key); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", ".a", "-a", "_a", "a/-b", "A", "aB", "a b", "a\\b",
		"c:", "a\x00b", "a\nb", "é", "a%2f", "a*", "a?", "a.", "a./b", "con", "con.txt", "a/nul", "com1", "lpt9.age",
		"com0",
		strings.Repeat("a", 201), strings.Repeat("abcdefghi/", 70) + "a",
	} {
		if err := backup.CheckKey(key); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%.20q: %v", key, err)
		}
	}
}
