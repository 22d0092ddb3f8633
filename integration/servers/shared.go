package servers

import (
	"os"
	"sync"
	"testing"
)

// Main runs the tests, reports the programs that they used and those for which tests were skipped,
// and stops the shared servers. It appends the used ones to the file that MILLWEIR_RAN names, if it
// is set. A package that uses [Shared] has
//
//	func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
func Main(m *testing.M) int {
	defer Shared.stop()
	defer skipped.report(os.Stdout, skippedFormat)
	defer used.report(os.Stdout, usedFormat)
	defer used.appendTo(os.Getenv("MILLWEIR_RAN"))
	return m.Run()
}

// Shared has one server of each kind for all tests of a binary. A server starts when a test first
// asks for it. A test that kills a server or sets a failpoint must start its own.
var Shared shared

type shared struct {
	mongo [3]once[*Mongo]
	s3    [2]once[*S3]
}

// SecantusDB returns the shared [SecantusDB].
func (s *shared) SecantusDB(t testing.TB) *Mongo {
	t.Helper()
	return s.mongo[0].get(t, func(t testing.TB) *Mongo { return newSecantusDB(t) })
}

// FerretDB returns the shared [FerretDB].
func (s *shared) FerretDB(t testing.TB) *Mongo { t.Helper(); return s.mongo[1].get(t, newFerretDB) }

// SecantusPy returns the shared [SecantusPy].
func (s *shared) SecantusPy(t testing.TB) *Mongo { t.Helper(); return s.mongo[2].get(t, newSecantusPy) }

// Versitygw returns the shared [Versitygw].
func (s *shared) Versitygw(t testing.TB) *S3 { t.Helper(); return s.s3[0].get(t, newVersitygw) }

// MinIO returns the shared [MinIO].
func (s *shared) MinIO(t testing.TB) *S3 { t.Helper(); return s.s3[1].get(t, newMinIO) }

func (s *shared) stop() {
	for i := range s.mongo {
		s.mongo[i].stop()
	}
	for i := range s.s3 {
		s.s3[i].stop()
	}
}

// once is a server that is started when it is first needed.
type once[S server] struct {
	mu  sync.Mutex
	s   S
	has bool
}

func (o *once[S]) get(t testing.TB, start func(testing.TB) S) S {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.has {
		o.s = start(t)
		o.has = true
	}
	o.s.show(t)
	return o.s
}

func (o *once[S]) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.has {
		o.s.close()
		o.has = false
	}
}
