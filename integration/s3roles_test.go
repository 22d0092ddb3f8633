package integration_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The policies in docs/operations.md give each user the rights for its work, and no others.
func TestRoles(t *testing.T) {
	s := servers.Shared.MinIO(t)
	for name, lock := range map[string]bool{"plain": false, "object lock": true} {
		t.Run(name, func(t *testing.T) {
			owner := s.Client(t)
			bucket := storeBucket(t, s, owner, lock)
			all := s3store.New(owner, bucket, "shop", nil)
			role := func(name string) (*s3store.Store, *s3.Client) {
				client := s.Role(t, policyOf(t, name, bucket, "shop"))
				return s3store.New(client, bucket, "shop", nil), client
			}
			writer, writing := role("Writer")
			reader, reading := role("Reader")
			pruner, pruning := role("Pruner")

			checked(t, writer)
			examined(t, writer, "", "may not delete")
			examined(t, reader, "put", "may not delete")
			examined(t, pruner, "put", "this user may delete")
			may(t, "the writer put", tryPut(t, writer, "data/a", 10))
			may(t, "the writer put parts", tryPut(t, writer, "data/b", 9<<20))
			mayNot(t, "the writer replace", tryPut(t, writer, "data/a", 10), backup.ErrExists)
			may(t, "the writer get", tryGet(t, writer, "data/a"))
			mayNot(t, "the writer get what is missing", tryGet(t, writer, "data/none"), backup.ErrNotFound)
			mayNot(t, "the writer delete", remove(t, writing, bucket, "shop/data/a"), nil)
			mayNot(t, "the writer delete by the store", tryDelete(t, writer, "data/a"), nil)
			mayNot(t, "the writer sweep", trySweep(t, writer), nil)

			may(t, "the reader get", tryGet(t, reader, "data/b"))
			may(t, "the reader list", tryList(t, reader, 2))
			mayNot(t, "the reader get what is missing", tryGet(t, reader, "none"), backup.ErrNotFound)
			mayNot(t, "the reader put", tryPut(t, reader, "data/c", 10), nil)
			may(t, "the reader put a proof", tryPut(t, reader, "proofs/a", 10))
			mayNot(t, "the reader delete", remove(t, reading, bucket, "shop/data/a"), nil)

			mayNot(t, "the pruner put data", tryPut(t, pruner, "data/c", 10), nil)
			mayNot(t, "the pruner put a proof", tryPut(t, pruner, "proofs/b", 10), nil)
			may(t, "the pruner put a tombstone", tryPut(t, pruner, "gone/a", 10))
			may(t, "the pruner list", tryList(t, pruner, 4))
			for _, key := range []string{"keys/1", "gone/a", "proofs/a", "repo.json"} {
				mayNot(t, "the pruner delete "+key, remove(t, pruning, bucket, "shop/"+key), nil)
			}
			if lock {
				may(t, "the owner hold", all.Hold(t.Context(), "data/b", time.Now().Add(time.Hour)))
				mayNot(t, "the pruner delete what is held", tryDelete(t, pruner, "data/b"), backup.ErrHeld)
			}
			for _, key := range []string{"backups/a", "data/a", "jobs/a"} {
				if key != "data/a" {
					may(t, "the writer put "+key, tryPut(t, writer, key, 10))
				}
				may(t, "the pruner delete "+key, tryDelete(t, pruner, key))
			}
			mayNot(t, "the owner get what was deleted", tryGet(t, all, "data/a"), backup.ErrNotFound)
			key := "shop/data/unfinished"
			if _, err := owner.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
				Bucket: &bucket, Key: &key,
			}); err != nil {
				t.Fatal(err)
			}
			may(t, "the pruner sweep", trySweep(t, pruner))

			other := s3store.New(pruning, bucket, "other", nil)
			may(t, "the owner put", tryPut(t, s3store.New(owner, bucket, "other", nil), "data/a", 10))
			mayNot(t, "a user of another prefix list", tryList(t, other, 1), nil)
			mayNot(t, "a user of another prefix get", tryGet(t, other, "data/a"), nil)
			mayNot(t, "a user of another prefix delete", remove(t, pruning, bucket, "other/data/a"), nil)
		})
	}
}

// examined checks what Examine finds out about a user: which one property fails, or none, and what it
// says about deletion.
func examined(t *testing.T, s *s3store.Store, fails, deletes string) {
	t.Helper()
	err := s.Examine(t.Context(), func(f backup.Finding) {
		if (f.Err != nil) != (f.Name == fails) || f.Name == "delete" && !strings.Contains(f.Text, deletes) {
			t.Errorf("%s: %q, %v", f.Name, f.Text, f.Err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// policyOf returns the policy under a heading of docs/operations.md.
func policyOf(t *testing.T, role, bucket, prefix string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)### " + role + "\n\n```json\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatalf("docs/operations.md has no policy of a %s", role)
	}
	return strings.NewReplacer("BUCKET", bucket, "PREFIX", prefix).Replace(string(found[1]))
}

func may(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("may not: %s: %v", what, err)
	}
}

// mayNot checks that err is want, or without want that the service denies access.
func mayNot(t *testing.T, what string, err, want error) {
	t.Helper()
	denied := hasCode(err, "AccessDenied")
	if want == nil && !denied || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: %v of the class %v", what, err, stream.ClassOf(err))
	}
}

// remove deletes an object without a store.
func remove(t *testing.T, client *s3.Client, bucket, key string) error {
	_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}

func tryPut(t *testing.T, s *s3store.Store, key string, size int) error {
	_, err := stream.Run(t.Context(), source.Of(make([]byte, size)), s.Put(key, nil))
	return err
}

func tryGet(t *testing.T, s *s3store.Store, key string) error {
	_, err := stream.Run(t.Context(), s.Get(key, nil), sink.Discard[[]byte]())
	return err
}

func tryList(t *testing.T, s *s3store.Store, want int) error {
	objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
	if err == nil && len(objects) != want {
		t.Errorf("%d objects are listed, want %d", len(objects), want)
	}
	return err
}

func tryDelete(t *testing.T, s *s3store.Store, key string) error {
	_, err := stream.Run(t.Context(), source.Of(key), s.Delete())
	return err
}

func trySweep(t *testing.T, s *s3store.Store) error {
	_, err := s.Sweep(t.Context(), &backup.SweepOptions{Before: time.Now().Add(time.Hour)})
	return err
}
