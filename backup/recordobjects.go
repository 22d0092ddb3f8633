package backup

import (
	"context"
	"errors"
	"fmt"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// The catalogs, plans and receipts of a run are lists of documents, encoded as segments are.

// unitName is the part of a key that names the n-th object of a unit.
func unitName(unit, number int) string { return fmt.Sprintf("%d-%d", unit, number) }

// suffix returns the suffix of the keys of objects with an encoding.
func suffix(encoding Encoding, plain bool) string {
	if encoding == "" {
		encoding = JSONGzip
	}
	if plain {
		return "." + string(encoding)
	}
	return "." + string(encoding) + ".age"
}

// planKey returns the key of the plan of a run.
func (r *Repository) planKey(run string) string {
	return jobsPrefix + run + "/plan" + suffix("", r.plain)
}

// receiptKey returns the key of the n-th receipt of a unit. Several processes can do the unit at the
// same time, so the receipt has a random part.
func (r *Repository) receiptKey(run string, unit, number int) string {
	return jobsPrefix + run + "/" + unitName(unit, number) + "-" + randomHex(randomLength) + suffix("", r.plain)
}

// catalogKey returns the key of the catalog of the n-th collection of a backup: it has the tally t.
func (r *Repository) catalogKey(run string, n int, t Tally) string {
	return fmt.Sprintf("%s%s/%d-%s%s", backupsPrefix, run, n, t.short(), suffix("", r.plain))
}

// short returns enough of the digest for a key.
func (t Tally) short() string { return t.Digest[:min(len(t.Digest), 2*randomLength)] }

const (
	jobsPrefix    = "jobs/"
	backupsPrefix = "backups/"
)

// putRecords stores a list at key. If the key has an object already, it is left as it is, and the
// result is ErrExists.
func (r *Repository) putRecords(
	ctx context.Context, key string, p place, recipients []age.Recipient, records stream.Source[bson.Raw],
) (Tally, error) {
	var s stored
	_, err := stream.Run(ctx, stream.Via(records, encode(p, "", recipients, func(all stored) { s = all })),
		r.store.Put(key, nil))
	return s.Tally, err
}

// putNamed stores a list whose key follows from its tally, and returns the tally. Two processes that store
// the same list store one object, and two that store different ones do not meet. It reads records
// twice.
func (r *Repository) putNamed(
	ctx context.Context, key func(Tally) string, p place, recipients []age.Recipient, records stream.Source[bson.Raw],
) (Tally, error) {
	count := newTally()
	err := records.Each(ctx, func(doc bson.Raw) error {
		count.add(doc)
		return nil
	})
	if err != nil {
		return Tally{}, err
	}
	all := count.result()
	_, err = r.putRecords(ctx, key(all), p, recipients, records)
	return all, existing(err)
}

// records returns a source of a list that putRecords has stored.
func (r *Repository) records(key string, p place, identities []age.Identity,
	report func(Tally),
) stream.Source[bson.Raw] {
	return stream.Via2(r.store.Get(key, nil), decode(p, "", identities, newTally, report),
		stream.MapErr[bson.Raw](func(err error) error { return failed(key, err) }))
}

// putRecord stores a list of one record.
func (r *Repository) putRecord(ctx context.Context, key string, p place, recipients []age.Recipient, v any) error {
	doc, err := bson.Marshal(v)
	if err != nil {
		return failed(key, err)
	}
	_, err = r.putRecords(ctx, key, p, recipients, stream.SourceFunc[bson.Raw](
		func(_ context.Context, emit func(bson.Raw) error) error { return emit(doc) }))
	return err
}

// record reads a list of one record into v.
func (r *Repository) record(ctx context.Context, key string, p place, identities []age.Identity, v any) error {
	docs, err := stream.Run(ctx, stream.Via(r.records(key, p, identities, func(Tally) {}), stream.Limit[bson.Raw](1)),
		sink.Slice[bson.Raw]())
	switch {
	case err != nil:
		return err
	case len(docs) != 1:
		return failed(key, damaged("it has no record"))
	}
	if err := bson.Unmarshal(docs[0], v); err != nil {
		return failed(key, damaged("its record is not of this kind"))
	}
	return nil
}

// existing returns nil if err says that an object of this key was stored before.
func existing(err error) error {
	if errors.Is(err, ErrExists) {
		return nil
	}
	return err
}
