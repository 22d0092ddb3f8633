// Package budgetplace lets stages outside of package stream say where in a run they start others,
// as the memory budget of the run must know.
package budgetplace

import "context"

// Place is where in a run the stages of a context belong.
type Place interface {
	// InBranch returns ctx, whose place it is, for a branch of the run.
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
