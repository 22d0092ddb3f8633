// Package budgetplace records in a context which part of a run its stages belong to. The memory
// budget needs that from stages outside of package stream too.
package budgetplace

import "context"

// Place is the part of a run that the stages of a context belong to.
type Place interface {
	// InBranch returns ctx for a branch of the run. ctx must have this place.
	InBranch(ctx context.Context) context.Context
}

type key struct{}

// With returns a context with the given place.
func With(ctx context.Context, p Place) context.Context { return context.WithValue(ctx, key{}, p) }

// Of returns the place of ctx, or nil.
func Of(ctx context.Context) Place {
	p, _ := ctx.Value(key{}).(Place)
	return p
}

// InBranch returns ctx for a branch of its run, such as functions that are called concurrently.
func InBranch(ctx context.Context) context.Context {
	if p := Of(ctx); p != nil {
		return p.InBranch(ctx)
	}
	return ctx
}
