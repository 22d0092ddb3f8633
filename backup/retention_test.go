package backup_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
)

// backupsAt returns backups that began at these times.
func backupsAt(t *testing.T, times ...string) []backup.Manifest {
	t.Helper()
	var all []backup.Manifest
	for _, text := range times {
		began, err := time.Parse("2006-01-02T15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, backup.Manifest{Run: text, Began: began})
	}
	return all
}

func TestRetention(t *testing.T) {
	all := []string{
		"2026-11-29T12:00", "2026-11-29T00:30", "2026-11-28T23:30", "2026-11-23T00:00", "2026-11-22T23:59",
		"2026-10-31T12:00", "2026-10-01T12:00", "2025-12-31T12:00", "2024-01-01T00:00",
	}
	now := time.Date(2026, 11, 29, 13, 0, 0, 0, time.UTC)
	east := time.FixedZone("east", 3600)
	for name, test := range map[string]struct {
		policy backup.Retention
		kept   []int // indexes of all
	}{
		"no rule":            {backup.Retention{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		"last":               {backup.Retention{Last: 3}, []int{0, 1, 2}},
		"last of all":        {backup.Retention{Last: 100}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		"daily":              {backup.Retention{Daily: 3}, []int{0, 2, 3}},
		"daily in the east":  {backup.Retention{Daily: 2, Location: east}, []int{0, 3}},
		"weekly":             {backup.Retention{Weekly: 2}, []int{0, 4}},
		"monthly":            {backup.Retention{Monthly: 2}, []int{0, 5}},
		"yearly":             {backup.Retention{Yearly: 5}, []int{0, 7, 8}},
		"within":             {backup.Retention{Within: 24 * time.Hour}, []int{0, 1, 2}},
		"nothing is young":   {backup.Retention{Within: time.Minute}, []int{0}},
		"at least":           {backup.Retention{Within: time.Minute, AtLeast: 4}, []int{0, 1, 2, 3}},
		"daily and monthly":  {backup.Retention{Daily: 1, Monthly: 3}, []int{0, 5, 7}},
		"at least and daily": {backup.Retention{AtLeast: 2, Daily: 2}, []int{0, 1, 2}},
	} {
		backups := backupsAt(t, all...)
		slices.Reverse(backups)
		for range 2 { // whatever their order
			var kept []int
			for i, k := range test.policy.Apply(backups, now) {
				if k.Run != all[i] {
					t.Fatalf("%s: %s in the place of %s", name, k.Run, all[i])
				}
				if len(k.Rules) > 0 {
					kept = append(kept, i)
				}
			}
			if !slices.Equal(kept, test.kept) {
				t.Errorf("%s keeps %v, want %v", name, kept, test.kept)
			}
			slices.Reverse(backups)
		}
	}
}

func ExampleRetention_Apply() {
	policy := backup.Retention{Daily: 2, Monthly: 2}
	var backups []backup.Manifest
	for _, day := range []int{27, 28, 29, 30} {
		began := time.Date(2026, 10, day, 3, 0, 0, 0, time.UTC)
		backups = append(backups, backup.Manifest{Run: began.Format(time.DateOnly), Began: began})
	}
	for _, k := range policy.Apply(backups, time.Now()) {
		fmt.Println(k.Run, k.Rules)
	}
	// Output:
	// 2026-10-30 [at least 1 daily 2026-10-30 monthly 2026-10]
	// 2026-10-29 [daily 2026-10-29]
	// 2026-10-28 []
	// 2026-10-27 []
}
