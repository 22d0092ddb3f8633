package integration_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/integration/servers"
)

// sample returns few, or many with MILLWEIR_LONG.
func sample(few, many int) int {
	if long {
		return many
	}
	return few
}

// seeded returns a source of random numbers and logs its seed. The seed changes only with
// MILLWEIR_LONG.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(1)
	if long {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// kill is one SIGKILL of a server and its restart, at a random time after it is triggered.
type kill struct {
	trigger   func()
	restarted chan struct{}
}

// newKill returns a kill of m at most max after its trigger. The server runs again when restarted is
// closed.
func newKill(t testing.TB, m *servers.Mongo, r *rand.Rand, max time.Duration) kill {
	triggered, delay := make(chan struct{}), time.Duration(r.Int64N(int64(max)))
	k := kill{trigger: sync.OnceFunc(func() { close(triggered) }), restarted: make(chan struct{})}
	go func() {
		defer close(k.restarted)
		<-triggered
		time.Sleep(delay)
		m.Kill(t)
		m.Restart(t)
	}()
	return k
}

// end triggers the kill if nothing else has, and waits until the server runs.
func (k kill) end() {
	k.trigger()
	<-k.restarted
}
