package backup

import "context"

// Finding is what an [Examiner] has found out about one property of a store.
type Finding struct {
	Name string // of the property, in one or two words: "conditional writes"
	Text string // what was found, if Err is nil
	Err  error  // what is wrong
}

// Examiner is a [Store] that reports its properties and the rights of its user, in more detail than
// a [Checker].
type Examiner interface {
	// Examine calls found for each property. It tries the operations of a writer on an object that
	// List does not show, and may leave it. A right that a writer does not need may be missing:
	// then the text says what needs it, and Err is nil. It returns an error only if the context is
	// done.
	Examine(ctx context.Context, found func(Finding)) error
}
