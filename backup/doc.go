// Package backup stores the databases of a MongoDB deployment as backups that are complete and
// proven, or not there.
//
//	repo, err := backup.Open(ctx, store, keys)
//	job, err := repo.Backup(ctx, client, nil)
//	report, err := backup.Run(ctx, job, 4)
//	view, err := repo.View(ctx, report.Run)
//	report, err = backup.Run(ctx, view.Verify(backup.Read, nil), 4)
//
// A repository lives under one prefix of a [Store]: an S3 bucket or a directory. It needs no
// daemon, no lock and no database: everything that it knows is in its objects.
//
// A [Job] is divided into units, which several processes can do. Everything can be repeated after a
// failure, and be done twice at the same time, without harm.
package backup
