package backup

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// at returns a bound; "" is none.
func at(text string) bson.RawValue {
	if text == "" {
		return bson.RawValue{}
	}
	return bson.RawValue{Type: bson.TypeObjectID, Value: []byte(fmt.Sprintf("%-12s", text))}
}

// receiptsOf parses receipts: key, number, from, to, time. A receipt to "" is done.
func receiptsOf(t *testing.T, text string) (all []receiptObject) {
	t.Helper()
	for line := range strings.FieldsSeq(text) {
		f := strings.Split(line, ",")
		var number, stored int
		if _, err := fmt.Sscan(f[1]+" "+f[4], &number, &stored); err != nil {
			t.Fatal(err)
		}
		all = append(all, receiptObject{
			key: f[0], number: number, stored: time.Unix(int64(stored), 0),
			receiptRecord: receiptRecord{From: at(f[2]), To: at(f[3]), Done: f[3] == ""},
		})
	}
	return all
}

// In a chain, each receipt begins where the previous one ended. Of several chains, findChain
// returns the one that was complete first, in any order of the receipts.
func TestFindChain(t *testing.T) {
	for _, test := range []struct{ name, receipts, want string }{
		{"none", "", ""},
		{"one", "a,0,,,1", "a"},
		{"three", "a,0,,5,1 b,1,5,9,2 c,2,9,,3", "abc"},
		{"a gap", "a,0,,5,1 c,2,9,,3", "a"},
		{"not the first", "b,1,5,9,2 c,2,9,,3", ""},
		{"another begin", "a,0,3,5,1 b,1,5,,2", ""},
		{"another bound", "a,0,,5,1 b,1,6,,2", "a"},
		{"the longest", "a,0,,5,1 A,0,,6,1 B,1,6,9,2", "AB"},
		{"the complete one", "a,0,,5,1 b,1,5,7,2 c,2,7,8,3 A,0,,6,1 B,1,6,,9", "AB"},
		{"the first that was complete", "a,0,,5,1 b,1,5,,4 A,0,,6,1 B,1,6,,3", "AB"},
		{"a slow process", "a,0,,5,1 b,1,5,,4 A,0,,6,1 B,1,6,,3 0,1,6,,9", "AB"},
		{"the key", "b,0,,,1 a,0,,,1", "a"},
		{"crossed", "a,0,,5,1 b,0,,5,2 c,1,5,,3 d,1,5,,4", "ac"},
	} {
		all := receiptsOf(t, test.receipts)
		for range 5 {
			rand.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
			got := ""
			for _, r := range findChain(&planUnit{}, all) {
				got += r.key
			}
			if got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
	}
}
