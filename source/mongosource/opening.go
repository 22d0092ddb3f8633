package mongosource

import (
	"context"
	"time"

	"github.com/millweir/millweir/internal/mongowait"
)

// openGrace is how long a cancelled run waits for the reply to a request that opens a cursor. Only the
// reply has the cursor's id, without which nothing can close it.
var openGrace = 200 * time.Millisecond

// opening returns a context for a request that opens a cursor. It ends a little later than ctx.
func opening(ctx context.Context) (context.Context, context.CancelFunc) {
	return mongowait.Outlasting(ctx, func(cause error) time.Duration {
		if cause == errStopped { //nolint:errorlint // it is never wrapped
			return 0 // the run has waited already
		}
		return openGrace
	})
}
