package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// advise adds to an error of the file system what to do about it, if that is known.
func advise(err error) error {
	var linking *os.LinkError
	switch {
	case errors.As(err, &linking) && strings.HasPrefix(linking.Op, "link") && noHardLinks(err):
		return fmt.Errorf("the file system has no hard links, without which a writer could replace the files of "+
			"another: choose another one: %w", err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk is full: free some of it, or choose another one: %w", err)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the quota of the disk is used up: free some of it, or raise the quota: %w", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the file system is read-only: mount it for writing: %w", err)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fmt.Errorf("the file system does not take names of 230 bytes: choose another one: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user does not have the right: grant it, or run as another user: %w", err)
	}
	return err
}

// noHardLinks reports whether a link failed with err because the file system has no hard links.
func noHardLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}
