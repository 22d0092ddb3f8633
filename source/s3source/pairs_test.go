package s3source_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/s3test"
)

var allPairs = flag.Bool("matrix", false, "download with every pair of faults")

// pairOf is two of the cells of a matrix without the times, and the download that they hit.
type pairOf struct {
	place  int // in matrixPlaces
	faults [2]placedFault
}

// placedFault is a fault at the request of a place.
type placedFault struct {
	fault matrixFault
	place int // in matrixPlaces
}

// faultsOfPairs returns every fault at every request that it can hit.
func faultsOfPairs() []placedFault {
	var all []placedFault
	for place, p := range matrixPlaces {
		if p.opts.Length > 0 {
			continue // it sends the same request as the first place
		}
		for _, f := range matrixFaults {
			all = append(all, placedFault{f, place})
		}
	}
	return all
}

// TestMatrixPairs downloads with two faults, each once, at every place. With -matrix it has all
// pairs, otherwise a sample. No pair may bring wrong bytes without an error, or hang; two transient
// faults must not be noticed. The clock is fake.
func TestMatrixPairs(t *testing.T) {
	const sample = 300
	var pairs []pairOf
	faults := faultsOfPairs()
	for place := range matrixPlaces {
		for i, a := range faults {
			for _, b := range faults[i:] {
				pairs = append(pairs, pairOf{place, [2]placedFault{a, b}})
			}
		}
	}
	source := rand.New(rand.NewChaCha8([32]byte{16})) //nolint:gosec // the same pairs in each run
	source.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	if !*allPairs {
		pairs = pairs[:sample]
	}
	data := random(10_000)
	counts := map[string]map[string]int{}
	for i, pair := range pairs {
		service := s3test.Services()[i%len(s3test.Services())]
		outcome, problem := pair.run(t, service, data)
		if problem != "" {
			t.Errorf("%v, %v: %s", service, pair, problem)
		}
		name := matrixPlaces[pair.place].name
		if counts[name] == nil {
			counts[name] = map[string]int{}
		}
		counts[name][outcome]++
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
}

func (p pairOf) String() string {
	text := []string{matrixPlaces[p.place].name}
	for _, f := range p.faults {
		text = append(text, fmt.Sprintf("%s at %s", f.fault.name, matrixPlaces[f.place].name))
	}
	return strings.Join(text, ", ")
}

// transient reports whether a download must survive the pair.
func (p pairOf) transient() bool {
	for _, f := range p.faults {
		shorter := strings.Contains(f.fault.name, "short") || f.fault.name == "empty body"
		if f.fault.refuse || shorter && matrixPlaces[f.place].op == "HeadObject" { // the object's length is a lie
			return false
		}
	}
	return true
}

// run runs the pair. It returns the outcome as [matrixCell] does.
func (p pairOf) run(t *testing.T, service s3test.Service, data []byte) (outcome, problem string) {
	synctest.Test(t, func(t *testing.T) {
		server := s3test.New(&s3test.Options{InMemory: true, Service: service})
		defer server.Close()
		server.CreateBucket(bucket)
		server.Put(bucket, key, data)
		client := s3fixture.NewClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
		place := matrixPlaces[p.place]
		if place.cut {
			server.Fault(s3test.Fault{Op: "GetObject", After: s3test.CutAfter(2000)})
		}
		flips := false
		for _, f := range p.faults {
			at := matrixPlaces[f.place]
			flips = flips || f.fault.name == "a bit flipped"
			server.Fault(s3test.Fault{Op: at.op, Skip: at.skip, Before: f.fault.before, After: f.fault.after})
		}
		opts := place.opts
		opts.ChunkSize, opts.StallTimeout, opts.RetryTimeout = 100, 10*time.Second, 5*time.Minute
		outcome, problem = matrixDownload{
			client: client, opts: opts, data: data, limit: time.Hour, flips: flips, survives: p.transient(),
		}.run(t)
	})
	return outcome, problem
}
