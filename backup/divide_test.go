package backup

import (
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Ranges of the parent that have grown become units of their own, and the others are gathered.
func TestParentRanges(t *testing.T) {
	value := func(n int) bson.RawValue {
		if n == 0 {
			return bson.RawValue{}
		}
		kind, p, err := bson.MarshalValue(n)
		if err != nil {
			t.Fatal(err)
		}
		return bson.RawValue{Type: kind, Value: p}
	}
	text := func(v bson.RawValue) string {
		if v.IsZero() {
			return ""
		}
		return fmt.Sprint(v.Int32())
	}
	for _, test := range []struct {
		ranges int   // of 10 _ids and 10 documents each
		marks  []int // after each 10 documents
		want   string
	}{
		{1, nil, "-"},
		{8, nil, "-"},
		{9, nil, "-80 80-"},
		{20, nil, "-80 80-160 160-"},
		{20, []int{10, 20, 50, 105, 106}, "-80 80-160 160-"}, // as before, but for one range
		{20, []int{101, 102, 103}, "-80 80-100 100-101! 101-102! 102-103! 103-110! 110-190 190-"},
		{3, []int{1, 2, 3}, "-1! 1-2! 2-3! 3-10! 10-"},
		{3, []int{20, 21, 22, 23, 24}, "-20 20-21! 21-22! 22-23! 23-24! 24-!"},
		{1, []int{1, 2, 3, 4}, "-1! 1-2! 2-3! 3-4! 4-!"},
		{3, []int{1, 2, 2, 1, 3, 30, 4, 11}, "-1! 1-2! 2-3! 3-10! 10-"}, // marks that do not ascend
		{2, []int{11, 12, 9, 13, 12}, "-10 10-11! 11-12! 12-13! 13-!"},
	} {
		var ranges []parentRange
		for i := range test.ranges {
			ranges = append(ranges, parentRange{value(10 * i), 10})
		}
		var marks []bson.RawValue
		for _, n := range test.marks {
			marks = append(marks, value(n))
		}
		p := &plan{}
		p.addParentRanges(0, ranges, marks, 10)
		var got []string
		for i, u := range p.Units {
			one := text(u.From) + "-" + text(u.To)
			if u.Fresh {
				one += "!"
			}
			got = append(got, one)
			if i > 0 && !sameValue(p.Units[i-1].To, u.From) {
				t.Errorf("a gap: %q", got)
			}
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%d ranges, marks %v: %s, and not %s", test.ranges, test.marks, text, test.want)
		}
	}
}
