package backup

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
)

// RestoreOptions tunes [View.Restore]. The zero value restores all collections under their names into
// a deployment that has none of them, and neither users nor roles. A pattern, a rule of Renames or a
// namespace of EraseIDs that matches no collection of the backup is an error ([ErrNoCollection]), so
// that a misspelled one is not ignored.
type RestoreOptions struct {
	// Include and Exclude select collections by patterns of their names in the backup, as in
	// [Select]. Without Include, all are selected.
	Include, Exclude []string

	// Renames renames collections. The first rule that matches a collection applies, and one that
	// none matches keeps its name. The pipeline of a view and the rights of users and roles keep
	// their names.
	Renames []RenameRule

	// Rename returns the new name of a collection, in place of Renames.
	Rename func(mongosource.Namespace) mongosource.Namespace

	// From, To and Filter choose documents, as in [DocumentsOptions]. The names of collections are
	// those in the backup.
	From, To any
	Filter   func(ns mongosource.Namespace, doc bson.Raw) (bool, error)

	// Erase reports whether a document must not come back, because the person whom it describes
	// asked for its erasure. The report counts such documents.
	Erase func(ns mongosource.Namespace, doc bson.Raw) (bool, error)

	// EraseIDs has the _ids of such documents, in place of Erase. They are values that marshal to
	// BSON. Numbers are compared as servers do: 1 and 1.0 are equal.
	EraseIDs map[mongosource.Namespace][]any

	// DropTarget replaces collections that exist. Without it, a collection that exists and does not
	// have exactly the documents that it would get is an error ([ErrTargetExists]). A view or a time
	// series does not give way to a collection, and must be dropped first. A time series is dropped
	// before it is filled again.
	DropTarget bool

	// Merge adds the documents to a collection that exists, and leaves its options and indexes as
	// they are. If one of them has a document with the same _id and other bytes, none is added. A
	// capped collection or a time series that exists must have exactly the documents that it would
	// get. Merge excludes DropTarget.
	Merge bool

	// Roles restores the roles that users defined.
	Roles bool

	// UserPassword returns the new password of a user, and restores the users. No command of a
	// server takes an old password.
	UserPassword func(db, user string) (string, error)

	// Parallelism is how many segments of a collection are read at the same time, 1 to 64; 0 means
	// 2. The documents of a capped collection are read in order, one segment at a time.
	Parallelism int

	// Insert tunes the insertion of the documents. By default, 2 batches of at most 1 MiB are in
	// flight for each collection: several collections are restored at once.
	Insert mongosink.InsertOptions

	Progress func(Event) // gets the events: see [Options]
}

// maxSegmentsAtOnce limits [RestoreOptions].Parallelism.
const maxSegmentsAtOnce = 64

// check returns the options with their defaults, or an error.
func (o *RestoreOptions) check() (RestoreOptions, error) {
	all := RestoreOptions{}
	if o != nil {
		all = *o
	}
	if all.Parallelism == 0 {
		all.Parallelism = 2
	}
	if err := all.compile(); err != nil {
		return all, err
	}
	if all.Rename == nil {
		all.Rename = func(ns mongosource.Namespace) mongosource.Namespace { return ns }
	}
	switch {
	case all.Parallelism < 1 || all.Parallelism > maxSegmentsAtOnce:
		return all, fatal(fmt.Sprintf("the parallelism %d is not between 1 and %d", all.Parallelism, maxSegmentsAtOnce))
	case all.Merge && all.DropTarget:
		return all, fatal("a collection cannot be merged and dropped: choose Merge or DropTarget")
	}
	return all, nil
}

// compile makes the functions of Renames and EraseIDs.
func (o *RestoreOptions) compile() (err error) {
	switch {
	case len(o.Renames) > 0 && o.Rename != nil:
		return fatal("Rename and Renames exclude each other")
	case len(o.EraseIDs) > 0 && o.Erase != nil:
		return fatal("Erase and EraseIDs exclude each other")
	}
	if len(o.Renames) > 0 {
		if o.Rename, err = renames(o.Renames); err != nil {
			return err
		}
	}
	if len(o.EraseIDs) > 0 {
		o.Erase, err = eraseIDs(o.EraseIDs)
	}
	return err
}

// partial reports whether documents can be left out.
func (o *RestoreOptions) partial() bool {
	return o.From != nil || o.To != nil || o.Filter != nil || o.Erase != nil
}
