package main

import (
	"context"

	"github.com/millweir/millweir/bench/internal/competent"
)

// byHand is the competent program.
var byHand = program{
	name: "competent", role: "competent",
	backup: func(ctx context.Context, j *job) error {
		return competent.Backup(ctx, j.collection, j.storage, j.bucket, j.key, j.recipient)
	},
	restore: func(ctx context.Context, j *job) error {
		return competent.Restore(ctx, j.storage, j.bucket, j.key, j.collection, j.identity)
	},
}
