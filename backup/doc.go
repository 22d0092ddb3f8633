// Package backup stores the databases of a MongoDB deployment as backups that are complete and
// proven, or not there.
//
// A repository lives under one prefix of a [Store]: an S3 bucket or a directory. It needs no
// daemon, no lock and no database: everything that it knows is in its objects.
package backup
