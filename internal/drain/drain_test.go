package drain_test

import (
	"context"
	"testing"

	"github.com/millweir/millweir/internal/drain"
)

func TestWithout(t *testing.T) {
	if drain.Done(t.Context()) != nil || drain.Begun(t.Context()) {
		t.Error("a context without a drain has one")
	}
	if ctx := t.Context(); drain.Without(ctx) != ctx {
		t.Error("a context without a drain is wrapped")
	}
	ctx, begin := drain.With(t.Context())
	inner, beginInner := drain.With(ctx)
	hidden := drain.Without(ctx)
	beginInner()
	if drain.Begun(ctx) || !drain.Begun(inner) {
		t.Error("the drain of an inner run is not its own")
	}
	another, end := drain.With(ctx)
	defer end()
	fresh, endFresh := drain.With(hidden)
	defer endFresh()
	begin()
	<-drain.Done(ctx)
	if !drain.Begun(ctx) || !drain.Begun(another) {
		t.Error("a drain does not reach its contexts")
	}
	if drain.Begun(hidden) || drain.Done(hidden) != nil || drain.Begun(fresh) {
		t.Error("a drain is not hidden")
	}
	if ctx.Err() != nil || hidden.Err() != nil {
		t.Error("a drain cancels")
	}
	if !drain.Begun(context.WithoutCancel(ctx)) {
		t.Error("a context that outlasts the run does not know of its drain")
	}
}

func TestOnBegin(t *testing.T) {
	ctx, begin := drain.With(t.Context())
	called := make(chan struct{})
	running := false
	release := drain.OnBegin(ctx, func() { close(called); running = true; running = false })
	defer drain.OnBegin(t.Context(), func() { t.Error("it has no drain") })()
	drain.OnBegin(ctx, func() { t.Error("it was released") })()
	begin()
	<-called
	release()
	if running {
		t.Error("it was released while its function ran")
	}
}
