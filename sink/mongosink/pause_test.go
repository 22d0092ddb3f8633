package mongosink_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// A batch waits longer before each repetition, and ten times as long if the server says that it is
// overloaded. The server may ask for more.
func TestInsertPauses(t *testing.T) {
	overload := []string{"SystemOverloadedError", "RetryableError"}
	for name, c := range map[string]struct {
		refusal mongo.CommandError
		first   time.Duration // the longest first wait
	}{
		"not primary": {mongo.CommandError{Code: 10107}, 10 * time.Millisecond},
		"overloaded":  {mongo.CommandError{Code: 462, Labels: overload}, 100 * time.Millisecond},
		"asks for more": {
			mongo.CommandError{Code: 462, Labels: overload, Raw: raw(t, fields("baseBackoffMS", 700))},
			700 * time.Millisecond,
		},
		"asks too much": {
			mongo.CommandError{Code: 462, Labels: overload, Raw: raw(t, fields("baseBackoffMS", int64(1<<40)))},
			10 * time.Second,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			const refusals = 4
			f := &inserter{}
			var tries []time.Time
			command := func(ctx context.Context, command bson.Raw) (bson.Raw, error) {
				if command.Index(0).Key() == "insert" {
					if tries = append(tries, time.Now()); len(tries) <= refusals {
						return nil, c.refusal
					}
				}
				return f.command(ctx, command)
			}
			r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil),
				mongosink.InsertBy(command, &mongosink.InsertOptions{RetryTimeout: time.Minute}))
			if err != nil || r.Inserted != 10 || len(tries) != refusals+1 {
				t.Fatalf("%s: %+v, %v after %d tries", name, r, err, len(tries))
			}
			for i := range refusals {
				wait, longest := tries[i+1].Sub(tries[i]), min(c.first<<i, 10*time.Second)
				if wait < longest/2 || wait > longest {
					t.Errorf("%s: wait %d is %v, want %v to %v", name, i, wait, longest/2, longest)
				}
			}
		})
	}
}

// All look-ups that settle a batch together have RetryTimeout, also if the batch itself was never
// repeated.
func TestLookUpsShareTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, away = time.Minute, 40 * time.Second
		start, local := time.Now(), 0
		command := func(ctx context.Context, command bson.Raw) (bson.Raw, error) {
			switch command.Index(0).Key() {
			case "insert":
				return nil, mongo.CommandError{Code: 11601}
			case "find":
				level, _ := command.Lookup("readConcern", "level").StringValueOK()
				if level == "majority" && time.Since(start) > away {
					return bson.Marshal(fields("cursor", fields("id", int64(0), "firstBatch", bson.A{})))
				}
				if level == "local" {
					local++
				}
				return nil, mongo.CommandError{Code: 189}
			}
			return (&inserter{}).command(ctx, command)
		}
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil),
			mongosink.InsertBy(command, &mongosink.InsertOptions{RetryTimeout: limit}))
		if took := time.Since(start); r.Unknown != 10 || local == 0 || took > limit+time.Second {
			t.Errorf("%+v, %v after %v and %d local look-ups", r, err, took, local)
		}
	})
}
