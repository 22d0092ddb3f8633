package backup

import (
	"context"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// tidy drops what is left under the names of prepared collections when all targets are there. An
// earlier run may have prepared a target that has its documents by now. A server may carry out a
// command of a killed process late, and so make a collection again.
func (j *restoreJob) tidy(ctx context.Context) error {
	ours := map[string]map[string]bool{} // by database
	for n := range j.all {
		database := j.all[n].to.Database
		if ours[database] == nil {
			ours[database] = map[string]bool{}
		}
		name := j.view.preparedName(j.all[n])
		for _, suffix := range []string{"", fillingSuffix, laterSuffix} {
			ours[database][name+suffix] = true
		}
	}
	for database, names := range ours {
		db := j.client.Database(database)
		left := stream.Via(mongosource.Collections(db, nil),
			stream.Filter(func(c mongosource.Collection) bool { return names[c.Name] }))
		_, err := stream.Run(ctx, left, sink.ForEach(func(ctx context.Context, c mongosource.Collection) error {
			return drop(ctx, db.Collection(c.Name))
		}))
		if err != nil {
			return err
		}
	}
	return nil
}
