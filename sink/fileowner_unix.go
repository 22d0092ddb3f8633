//go:build unix

package sink

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs reports whether the user of this process owns the file.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
