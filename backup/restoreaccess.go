package backup

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// restoreAccess restores the roles and then the users, as far as asked for. weaker says what of the
// backup is not restored.
func (j *restoreJob) restoreAccess(ctx context.Context) (weaker []string, err error) {
	for _, kind := range []Kind{KindRoles, KindUsers} {
		for i := range j.view.manifest.Collections {
			c := &j.view.manifest.Collections[i]
			if c.Kind != kind || c.Documents == 0 {
				continue
			}
			sink := j.accessSink(kind)
			if sink == nil {
				weaker = append(weaker, fmt.Sprintf("the %d %s of the backup were not restored", c.Documents, kind))
				continue
			}
			docs := stream.Via(j.view.segments(i), stream.ConcatMap(func(s Segment) stream.Source[bson.Raw] {
				return verifiedFirst(j.view.documents(i, s, newTally), s.Bytes)
			}))
			result, err := stream.Run(ctx, docs, sink)
			if err != nil {
				return weaker, err
			}
			if n := result.Created + result.Existing; n != c.Documents {
				return weaker, fmt.Errorf("%w: %d of %d %s", ErrNotEqual, n, c.Documents, kind)
			}
		}
	}
	return weaker, nil
}

// accessSink returns a sink of users or roles, or nil if they are not asked for.
func (j *restoreJob) accessSink(kind Kind) stream.Sink[bson.Raw, mongosink.CreateAccessResult] {
	switch {
	case kind == KindRoles && j.opts.Roles:
		return mongosink.CreateRoles(j.client)
	case kind == KindUsers && j.opts.UserPassword != nil:
		return mongosink.CreateUsers(j.client, j.opts.UserPassword)
	}
	return nil
}

// access returns the collections of users and roles that are not empty and of a kind that is wanted.
func (v *View) access(wanted func(Kind) bool) (all []int) {
	for i := range v.manifest.Collections {
		c := &v.manifest.Collections[i]
		if (c.Kind == KindUsers || c.Kind == KindRoles) && c.Segments > 0 && wanted(c.Kind) {
			all = append(all, i)
		}
	}
	return all
}

// readAccess reads the users or roles of the n-th unit.
func (j *restoreJob) readAccess(ctx context.Context, n int) (problems, Counts, error) {
	v := &verification{view: j.view, unit: n, progress: j.progress}
	number := j.access[n-len(j.all)]
	err := v.of(part{number, 0, j.view.manifest.Collections[number].Segments}).read(ctx)
	return v.found, v.counts, err
}

// proveAccess proves the users or roles of a unit before anything is visible. They are restored last.
func (j *restoreJob) proveAccess(ctx context.Context, u Unit) (Receipt, error) {
	found, counts, err := j.readAccess(ctx, u.Number)
	if err == nil && len(found.List) > 0 {
		err = &DamageError{j.view.manifest.Run, found.List, int64(len(found.List)) + found.More}
	}
	if err != nil {
		return Receipt{}, failed("restore", err)
	}
	return Receipt{Unit: u, Counts: counts}, nil
}
