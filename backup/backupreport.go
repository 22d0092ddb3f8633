package backup

import (
	"fmt"

	"github.com/millweir/millweir/source/mongosource"
)

// report describes a finished backup.
func (j *backupJob) report(m *Manifest) Report {
	report := Report{Job: "backup", Run: m.Run, Consistency: m.Consistency, HeldBack: j.meters.ofBackup()}
	for i := range m.Collections {
		c := &m.Collections[i]
		report.Counts.add(Counts{
			Collections: 1, Segments: c.Segments, Documents: c.Documents, Bytes: c.Bytes,
			Stored: c.Stored - c.Reused, Reused: c.Reused,
		})
	}
	if m.Consistency != mongosource.Instant.String() {
		report.Weaker = append(report.Weaker, "the consistency is "+m.Consistency)
	}
	if j.repo.keys.Sign == nil {
		report.Weaker = append(report.Weaker, "it is not signed")
	}
	if j.repo.plain {
		report.Weaker = append(report.Weaker, "it is not encrypted")
	}
	for _, l := range m.LeftOut {
		n := mongosource.Namespace{Database: l.Database, Collection: l.Collection}
		report.Weaker = append(report.Weaker, fmt.Sprintf("left out: %s: %s", n, l.Reason))
	}
	return report
}
