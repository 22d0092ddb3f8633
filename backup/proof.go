package backup

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/millweir/millweir/stream"
)

// Proof is the signed record of a verification or a drill. It is not encrypted, and has nothing that
// a manifest does not have.
type Proof struct {
	Kind       string `json:"millweir"` // "proof"
	Format     int    `json:"format"`
	Reader     int    `json:"reader"`     // the oldest version of the format that a reader must know
	Repository string `json:"repository"` // its id
	Name       string `json:"name"`       // of the proof: a time and a random part

	Of       string    `json:"of"`       // present, read or drill
	Run      string    `json:"run"`      // the backup
	Manifest string    `json:"manifest"` // the SHA-256 of its manifest, in hexadecimal
	Began    time.Time `json:"began"`    // by the verifier's clock
	Ended    time.Time `json:"ended"`
	Passed   bool      `json:"passed"`
	Counts   Counts    `json:"counts"` // of what passed

	Problems []Problem `json:"problems,omitempty"` // at most 1,000
	More     int64     `json:"more,omitempty"`     // problems that are not listed
}

const (
	proofKind    = "proof"
	proofsPrefix = "proofs/"
	proofSuffix  = ".json"
)

func proofKey(name, of, run string) string {
	return proofsPrefix + name + "-" + of + "-" + run + proofSuffix
}

// prove stores a proof that v was verified, and adds its key to the report. If readers would refuse
// the proof because it is not signed, the report says that there is none.
func (v *View) prove(ctx context.Context, began time.Time, report *Report, found problems) error {
	err := v.repo.checkSigns(ctx)
	if errors.Is(err, ErrCannotSign) {
		report.Weaker = append(report.Weaker, "no proof was stored: the key to sign with is missing")
		return nil
	}
	if err != nil {
		return failed("prove", err)
	}
	now := v.repo.now()
	p := Proof{
		Kind: proofKind, Format: format, Reader: format, Repository: v.repo.id, Name: newName(now),
		Of: report.Depth, Run: v.manifest.Run, Manifest: v.manifest.sha256,
		Began: began.UTC().Truncate(time.Second), Ended: now.UTC().Truncate(time.Second),
		Passed: len(found.List) == 0, Counts: report.Counts, More: found.More,
	}
	for _, problem := range found.List {
		problem.Detail = "" // it may quote a document
		p.Problems = append(p.Problems, problem)
	}
	content, err := json.Marshal(p)
	if err != nil {
		return failed("prove", err)
	}
	key := proofKey(p.Name, p.Of, p.Run)
	if err := v.repo.putSigned(ctx, key, append(content, '\n'), proofKind+" "+p.Name); err != nil {
		return failed("prove", err)
	}
	report.Proof = key
	return nil
}

// Proofs returns a source of the proofs of the repository, the oldest first. It needs no identity. A
// proof that is damaged, or whose signature does not match, ends the run with an error that names it.
func (r *Repository) Proofs() stream.Source[Proof] {
	keys := stream.Via(r.store.List(proofsPrefix), stream.FilterMap(func(o Object) (string, bool) {
		return o.Key, strings.HasSuffix(o.Key, proofSuffix)
	}))
	return stream.Via(keys, stream.MapParallel(manifestsAtOnce, r.proof))
}

// proof reads and checks the proof at key.
func (r *Repository) proof(ctx context.Context, key string) (Proof, error) {
	name := strings.TrimPrefix(key, proofsPrefix)
	name = name[:min(len(name), len(nameTime)+1+2*randomLength)]
	content, err := r.getSigned(ctx, key, proofKind+" "+name)
	if err != nil {
		return Proof{}, err
	}
	if err := checkReader(content, proofKind); err != nil {
		return Proof{}, failed(key, err)
	}
	var p Proof
	if err := unmarshal(content, &p); err != nil {
		return Proof{}, failed(key, damaged("%w", err))
	}
	if p.Kind != proofKind || p.Repository != r.id || key != proofKey(p.Name, p.Of, p.Run) || p.Name != name {
		return Proof{}, failed(key, damaged("it is no proof of this repository"))
	}
	return p, nil
}
