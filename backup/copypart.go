package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"

	"github.com/millweir/millweir/stream"
)

// partCopy copies one part.
type partCopy struct {
	*copyJob
	part   part
	unit   int
	counts Counts
}

// tell reports an event of the unit, and counts what it adds.
func (c *partCopy) tell(kind EventKind, d did) {
	c.counts.add(d.Counts)
	ns := c.view.manifest.Collections[c.part.collection].Namespace()
	c.progress.tell(Event{Kind: kind, Phase: Storing, Unit: c.unit, Namespace: ns}, d)
}

func (c *partCopy) run(ctx context.Context) error {
	var segments []Segment
	err := c.view.eachSegment(ctx, c.part, func(s Segment) error {
		segments = append(segments, s)
		return nil
	})
	if err != nil {
		return err
	}
	there, err := sizesIn(ctx, c.copied.repo.store, segments)
	if err != nil {
		return err
	}
	byObject := map[string][]Segment{}
	for _, s := range segments {
		byObject[s.Object] = append(byObject[s.Object], s)
	}
	for _, s := range segments {
		if mine := byObject[s.Object]; mine != nil { // the first segment of the object
			delete(byObject, s.Object)
			_, found := there[s.Object]
			if err := c.copyData(ctx, s.Object, mine, found); err != nil {
				return err
			}
		}
	}
	if c.part.first > 0 {
		return nil
	}
	return c.copyCatalog(ctx)
}

// copyData copies an object unless it is there, and then reads the segments back.
func (c *partCopy) copyData(ctx context.Context, key string, segments []Segment, found bool) error {
	if found {
		c.counts.AlreadyThere++
		if err := c.copied.repo.hold(ctx, key); err != nil {
			return err
		}
	} else {
		var size int64
		body := stream.Via(c.view.repo.store.Get(key, nil), stream.Map(func(p []byte) []byte {
			size += int64(len(p))
			return p
		}))
		_, err := consume(ctx, &c.meters, stream.Via(body, stream.Measure(&c.meters.work, checkSegments(segments))),
			c.copied.repo.store.Put(key, nil), nothing)
		if errors.Is(err, ErrExists) {
			err = c.copied.repo.hold(ctx, key)
		}
		if err != nil {
			return failed(key, err)
		}
		c.tell(SegmentStored, did{Counts: Counts{Stored: size, Fetched: size}})
	}
	for _, s := range segments {
		body := c.copied.repo.store.Get(key, &GetOptions{Offset: s.Offset, Length: s.Length})
		whole := s
		whole.Offset = 0
		if err := stream.Via(body, stream.Measure(&c.meters.back, checkSegments([]Segment{whole}))).Each(ctx,
			func([]byte) error {
				return nil
			}); err != nil {
			return ofTarget(failed(key, err))
		}
		c.tell(SegmentProven, did{
			Counts: Counts{Segments: 1, Documents: s.Documents, Bytes: s.Bytes}, work: s.Bytes,
		})
	}
	return nil
}

// copyCatalog copies the catalog of the part's collection, and reads it back.
func (c *partCopy) copyCatalog(ctx context.Context) error {
	m := c.view.manifest
	n := c.part.collection
	if err := c.copyObject(ctx, c.view.repo.catalogKey(m.Run, n, m.Collections[n].Catalog)); err != nil {
		return err
	}
	return ofTarget(c.copied.rows(n).Each(ctx, func(catalogRow) error { return nil }))
}

// checkSegments returns a flow that passes the bytes of an object on. If the bytes of one of the segments
// have another SHA-256, it fails, before its downstream is complete.
func checkSegments(segments []Segment) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		hashes := make([]hash.Hash, len(segments))
		for i := range hashes {
			hashes[i] = sha256.New()
		}
		at := int64(0)
		err := src.Each(ctx, func(p []byte) error {
			for i, s := range segments {
				from, to := max(s.Offset-at, 0), min(s.Offset+s.Length-at, int64(len(p)))
				if from < to {
					_, _ = hashes[i].Write(p[from:to])
				}
			}
			at += int64(len(p))
			return emit(p)
		})
		if err != nil {
			return err
		}
		for i, s := range segments {
			if hex.EncodeToString(hashes[i].Sum(nil)) != s.SHA256 {
				return damaged("the bytes from %d on are not those of the catalog", s.Offset)
			}
		}
		return nil
	})
}
