package backup

import "context"

// Finding is what an [Examiner] has found out about one property of a store.
type Finding struct {
	Name string // of the property, in one or two words: "conditional writes"
	Text string // what was found, if Err is nil
	Err  error  // what is wrong
}

// Examiner is a [Store] that can say what it is, and what its user may do, in more detail than
// [Checker].
type Examiner interface {
	// Examine calls found for each property. It tries the operations of a writer on an object that
	// no List shows, and may leave it. What a writer does not need is no error: the text says who
	// needs it. It returns an error only if the context is done.
	Examine(ctx context.Context, found func(Finding)) error
}
