package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// backupJob is the [Job] of a backup.
type backupJob struct {
	repo     *Repository
	client   *mongo.Client
	run      string
	progress *progress
	meters   meters

	mu     sync.Mutex
	loaded *plan // nil until it is read
}

// Resume returns the job of a run that [Repository.Backup] began. Units that are done are not done
// again, and others continue after their last segment. Of the options, only Progress is used: the
// plan has the others. A run is too old after 4 days ([ErrTooOld]).
func (r *Repository) Resume(ctx context.Context, client *mongo.Client, run string, opts *Options) (Job, error) {
	o := opts.Defaults()
	ctx = stream.WithoutDrain(ctx)
	if !isName(run) {
		return nil, failed("resume", fmt.Errorf("%w: %.60q is not the name of a run", ErrNoRun, run))
	}
	j := &backupJob{repo: r, client: client, run: run, progress: newProgress(o.Progress, "backup", run)}
	p, err := j.plan(ctx)
	if err != nil {
		return nil, failed("resume", err)
	}
	j.repo = r.retaining(p.Retain)
	j.progress.expect(p.total(), 0)
	return j, nil
}

// plan returns the plan of the run.
func (j *backupJob) plan(ctx context.Context) (*plan, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.loaded != nil {
		return j.loaded, nil
	}
	identities, err := j.planIdentities(ctx)
	if err != nil {
		return nil, err
	}
	p, err := j.repo.plan(ctx, j.run, identities)
	if err != nil {
		return nil, err
	}
	j.loaded = p
	return p, nil
}

// planIdentities returns the identities that may read the plan. Its epoch is not known yet: older ones
// may be shredded, or be for other keys.
func (j *backupJob) planIdentities(ctx context.Context) ([]age.Identity, error) {
	if j.repo.plain {
		return nil, nil
	}
	all, err := j.repo.writerIdentities()
	if err != nil || len(j.repo.keys.Identities) == 0 && len(all) > 0 {
		return all, err
	}
	epochs, _, err := j.repo.allEpochs(ctx)
	if err != nil {
		return nil, err
	}
	var closed error // why the newest of the epochs that do not open is closed
	for _, epoch := range epochs {
		identities, err := j.repo.dataIdentities(ctx, epoch)
		switch {
		case errors.Is(err, ErrShredded) || errors.Is(err, ErrNoKey):
			closed = err
		case err != nil:
			return nil, err
		}
		all = append(all, identities...)
	}
	if len(all) == 0 {
		return nil, closed
	}
	return all, nil
}

// recordRecipients returns who can read the records of the run.
func (j *backupJob) recordRecipients(ctx context.Context, p *plan) ([]age.Recipient, error) {
	if j.repo.plain {
		return nil, nil
	}
	recipient, err := j.repo.recipientOf(ctx, p.Epoch)
	if err != nil {
		return nil, err
	}
	return j.repo.recordRecipients(recipient)
}

// dataRecipients returns who can read the documents of the run.
func (j *backupJob) dataRecipients(ctx context.Context, p *plan) ([]age.Recipient, error) {
	if j.repo.plain {
		return nil, nil
	}
	recipient, err := j.repo.recipientOf(ctx, p.Epoch)
	if err != nil {
		return nil, err
	}
	return []age.Recipient{recipient}, nil
}

// name is what the units of the job belong to.
func (j *backupJob) name() string { return "backup " + j.run }

// Units implements [Job].
func (j *backupJob) Units(ctx context.Context) ([]Unit, error) {
	p, err := j.plan(stream.WithoutDrain(ctx))
	if err != nil {
		return nil, failed("units", err)
	}
	units := make([]Unit, len(p.Units))
	for i := range units {
		units[i] = Unit{Job: j.name(), Number: i}
	}
	return units, nil
}

// Do implements [Job].
func (j *backupJob) Do(ctx context.Context, u Unit) (Receipt, error) {
	ctx = stream.WithoutDrain(ctx) // a scan that is cut short would be a smaller collection
	what := fmt.Sprintf("unit %d", u.Number)
	p, err := j.plan(ctx)
	if err != nil {
		return Receipt{}, failed(what, err)
	}
	if u.Job != j.name() || u.Number < 0 || u.Number >= len(p.Units) {
		return Receipt{}, failed(what, invalid("it is not one of the job %.80q", j.name()))
	}
	counts, err := j.do(ctx, p, u.Number)
	if err != nil {
		return Receipt{}, failed(what, err)
	}
	return Receipt{Unit: u, Counts: counts}, nil
}

// do does a unit, unless it is done.
func (j *backupJob) do(ctx context.Context, p *plan, number int) (Counts, error) {
	if err := j.repo.checkAlive(ctx, j.run, p.Parent); err != nil {
		return Counts{}, err
	}
	all, err := j.receipts(ctx, p, number)
	if err != nil {
		return Counts{}, err
	}
	w, err := j.newUnitRun(ctx, p, number, findChain(&p.Units[number], all))
	if err != nil {
		return w.counts, err
	}
	if w.done {
		j.progress.tell(Event{Kind: UnitDone, Phase: Storing, Unit: number}, did{})
		return w.counts, nil
	}
	j.progress.tell(Event{Kind: UnitBegun, Phase: Storing, Unit: number}, did{})
	if err := w.read(ctx); err != nil {
		return w.counts, err
	}
	j.progress.tell(Event{Kind: UnitDone, Phase: Storing, Unit: number}, did{})
	return w.counts, nil
}
