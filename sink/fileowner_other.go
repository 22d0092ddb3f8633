//go:build !unix

package sink

import "io/fs"

// ownedByUs reports whether the user of this process owns the file: here the permission bits say
// only whether it is read-only, which gives nothing away.
func ownedByUs(fs.FileInfo) bool { return true }
