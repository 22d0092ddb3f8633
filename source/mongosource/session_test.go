package mongosource

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Without a session, a query of a snapshot is not sent, and its error has the driver's reason.
func TestNoSessionForASnapshot(t *testing.T) {
	reason := fmt.Errorf("%w: out of entropy", errNoSession)
	for _, noSession := range []error{nil, reason} {
		c := &cursor{
			query: &query{name: "split", at: bson.Timestamp{T: 1}}, wait: &waitBudget{}, noSession: noSession,
		}
		if err := c.open(t.Context()); !errors.Is(err, errNoSession) || !errors.Is(err, noSession) && noSession != nil {
			t.Error(err)
		}
	}
}
