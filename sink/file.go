package sink

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/millweir/millweir/internal/durable"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// FileOptions tunes [File]. The zero value is ready to use.
type FileOptions struct {
	// Append adds to the end of the file instead of replacing it, and creates the file if there is
	// none. It is not atomic: bytes that a failed run has written stay.
	Append bool

	// IfAbsent stores only if no file has the name, even if several processes try at once: all but
	// one get [ErrExists]. The file system must have hard links. Only one of IfAbsent, Append and
	// FollowLinks may be set.
	IfAbsent bool

	// Perm is the permission bits of the file that the run creates, whatever the umask. 0 means the
	// bits of the replaced file if the same user owns it, and 0600 otherwise. Append does not
	// change the mode of an existing file.
	Perm fs.FileMode

	// FollowLinks stores in the file that a symbolic link leads to. Without it a link is an error.
	// Set it only if no other user can write to the folders on the path: such a user could choose
	// the file.
	FollowLinks bool
}

// File returns a sink that stores its chunks in the named file.
//
// The file appears whole or not at all. The run writes a temporary file, .NAME.RANDOM, in the same
// folder, syncs it, renames it to NAME, which replaces an existing file, and syncs the folder. A
// run that fails removes the temporary file; only a killed process leaves it. With IfAbsent, an
// existing file is never replaced. With Append, the run only syncs the file.
//   - Result: the number of bytes written, also with an error.
//   - The file belongs to the user of the process. Owner, ACL and hard links of a replaced file are
//     not kept.
//   - A symbolic link is refused unless FollowLinks is set. If a link takes NAME during the run,
//     the rename replaces the link. The folder is opened once, and links to it are followed.
//   - Anything that is not a regular file, such as a device, is refused: open it with [Create].
//     Adding to another user's file in a sticky folder such as /tmp is refused too.
//   - Errors: those of package os, wrapped; [ErrExists]. If only a last step failed, the sync of the
//     folder or the removal of the temporary name of an IfAbsent, the file is in place, and the error
//     has class UnknownOutcome.
func File(name string, opts *FileOptions) stream.Sink[[]byte, int64] {
	o := FileOptions{}
	if opts != nil {
		o = *opts
	}
	switch {
	case name == "":
		return invalid[[]byte, int64]("File: the name is empty")
	case o.IfAbsent && (o.Append || o.FollowLinks):
		return invalid[[]byte, int64]("File: IfAbsent with Append or FollowLinks; only one of them may be set")
	case o.Perm&^fs.ModePerm != 0:
		return invalid[[]byte, int64]("File: the mode %v has more than permission bits", o.Perm)
	}
	store := replaceFile
	switch {
	case o.IfAbsent:
		store = newFile
	case o.Append:
		store = appendFile
	}
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (int64, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		t, err := openTarget(name, o.FollowLinks)
		if err != nil {
			return 0, fmt.Errorf("sink: file: %w", err)
		}
		defer t.folder.Close()
		return store(ctx, t, t.perm(o.Perm), src)
	})
}

// replaceFile stores src in a new file, which replaces the target once it is whole.
func replaceFile(ctx context.Context, t target, perm fs.FileMode, src stream.Source[[]byte]) (int64, error) {
	return placeFile(ctx, t, perm, src, t.replace)
}

// newFile stores src in a new file, which gets the target's name if no file has it.
func newFile(ctx context.Context, t target, perm fs.FileMode, src stream.Source[[]byte]) (int64, error) {
	if t.old != nil {
		return 0, fmt.Errorf("sink: file: %s: %w", t.base, ErrExists)
	}
	return placeFile(ctx, t, perm, src, t.link)
}

// placeFile stores src in a temporary file. Once it is whole, place gives it the target's name.
func placeFile(
	ctx context.Context, t target, perm fs.FileMode, src stream.Source[[]byte], place func(temporary string) error,
) (n int64, err error) {
	temporary := t.temporary()
	f, err := t.folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("sink: file: %w", err)
	}
	placed := false
	defer func() {
		if placed {
			return
		}
		f.Close()
		if e := t.folder.Remove(temporary); e != nil {
			err = ending.Join(err, fmt.Errorf("sink: file: %w", e))
		}
	}()
	if n, err = write(ctx, "file", f, src); err != nil {
		return n, err
	}
	if err = f.Chmod(perm); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = place(temporary)
	}
	if err == nil {
		placed = true
		if err = durable.SyncFolder(func() (*os.File, error) { return t.folder.Open(".") }); err != nil {
			err = inPlace(err)
		}
	}
	if err != nil {
		return n, fmt.Errorf("sink: file: %w", err)
	}
	return n, nil
}

// appendFile adds src to the end of the target.
func appendFile(ctx context.Context, t target, perm fs.FileMode, src stream.Source[[]byte]) (n int64, err error) {
	f, err := t.openToAppend(perm)
	if err != nil {
		return 0, fmt.Errorf("sink: file: %w", err)
	}
	defer func() {
		if e := f.Close(); e != nil {
			err = ending.Join(err, fmt.Errorf("sink: file: %w", e))
		}
	}()
	if n, err = write(ctx, "file", f, src); err != nil {
		return n, err
	}
	if err = f.Sync(); err != nil {
		return n, fmt.Errorf("sink: file: %w", err)
	}
	return n, nil
}
