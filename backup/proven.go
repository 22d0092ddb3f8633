package backup

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// storedProof is a proof, and when it was stored, by the store's clock.
type storedProof struct {
	Proof
	stored time.Time
}

// after reports whether p is later than q by the clock of the verifiers and by that of the store.
// One of them may be wrong.
func (p *storedProof) after(q storedProof) bool {
	return p.Began.After(q.Ended) && p.stored.After(q.stored)
}

// reads reports whether p says that the backup with a manifest was read as a whole.
func (p *storedProof) reads(manifest string) bool {
	return p.Passed && p.Manifest == manifest && (p.Of == string(Read) || p.Of == drillDepth)
}

// damages reports whether p says that the backup is damaged. A drill whose scratch server refuses
// an index says nothing about the backup.
func (p *storedProof) damages() bool {
	other := func(one Problem) bool { return one.Reason != reasonRefused }
	onlyRefused := p.Of == drillDepth && p.More == 0 && len(p.Problems) > 0 && !slices.ContainsFunc(p.Problems, other)
	return !p.Passed && !onlyRefused
}

// judge returns what the proofs of a backup show. It is proven if it was read as a whole, with this
// manifest, after the last proof that found damage. It is damaged if damage was found, and no later
// proof has read it.
func judge(proofs []storedProof, manifest string) (proven, damaged bool) {
	var failures []storedProof
	for _, p := range proofs {
		if p.damages() {
			failures = append(failures, p)
		}
	}
	for _, p := range proofs {
		earlier := func(q storedProof) bool { return !p.after(q) }
		if p.reads(manifest) && !slices.ContainsFunc(failures, earlier) {
			return true, false
		}
	}
	return false, len(failures) > 0
}

// doubt returns why a backup may be unreadable, or "" if a proof says that it was read as a whole.
func (r *Repository) doubt(ctx context.Context, run string) (string, error) {
	m, err := r.manifest(ctx, run)
	if err != nil {
		return "", err
	}
	ours := stream.Via2(r.store.List(proofsPrefix),
		stream.Filter(func(o Object) bool { return strings.HasSuffix(o.Key, "-"+run+proofSuffix) }),
		stream.MapParallel(manifestsAtOnce, func(ctx context.Context, o Object) (storedProof, error) {
			p, err := r.proof(ctx, o.Key)
			return storedProof{p, o.Modified}, err
		}))
	proofs, err := stream.Run(ctx, ours, sink.Slice[storedProof]())
	if err != nil {
		return "", err
	}
	switch proven, damaged := judge(proofs, m.sha256); {
	case proven:
		return "", nil
	case damaged:
		return run + ": damage was found, and it was not read as a whole since", nil
	}
	return run, nil
}
