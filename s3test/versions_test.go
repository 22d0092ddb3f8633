package s3test_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/s3test"
)

// put stores an object with the SDK, and returns its version.
func put(t *testing.T, client *s3.Client, key, text string, edit func(*s3.PutObjectInput)) string {
	t.Helper()
	in := &s3.PutObjectInput{
		Bucket: aws.String("b"), Key: &key, Body: strings.NewReader(text),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}
	if edit != nil {
		edit(in)
	}
	out, err := client.PutObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

// TestDeleteMarkers deletes and restores an object of a versioned bucket.
func TestDeleteMarkers(t *testing.T) {
	server, client := setUp(t, &s3test.Options{Versioned: true})
	ctx, b, k := t.Context(), aws.String("b"), aws.String("k")
	put(t, client, "k", "one", nil)
	out, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b, Key: k})
	if err != nil || !aws.ToBool(out.DeleteMarker) || server.Object("b", "k") != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: k}); codeOf(err) != "NoSuchKey" {
		t.Errorf("the deleted object: %v", err)
	}
	if _, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: k, VersionId: out.VersionId}); codeOf(err) !=
		"MethodNotAllowed" {
		t.Errorf("the delete marker: %v", err)
	}
	if list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b}); err != nil || len(list.Contents) > 0 {
		t.Errorf("the list has %d objects, %v", len(list.Contents), err)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b, Key: k, VersionId: out.VersionId}); err !=
		nil || server.Object("b", "k") == nil {
		t.Errorf("without the delete marker: %v", err)
	}
}

// TestListVersions reads the versions of several keys, page by page.
func TestListVersions(t *testing.T) {
	server, client := setUp(t, &s3test.Options{Versioned: true})
	for _, key := range []string{"a", "a", "dir/x", "dir/y", "z\x01", "a"} {
		server.Put("b", key, []byte("text"))
	}
	if _, err := client.DeleteObject(t.Context(),
		&s3.DeleteObjectInput{Bucket: aws.String("b"), Key: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	for size := int32(1); size <= 5; size++ {
		var found []string
		in := &s3.ListObjectVersionsInput{
			Bucket: aws.String("b"), MaxKeys: &size, Delimiter: aws.String("/"), EncodingType: types.EncodingTypeUrl,
		}
		for pages := 0; pages < 10; pages++ {
			out, err := client.ListObjectVersions(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range out.DeleteMarkers {
				found = append(found, fmt.Sprint("-", *v.Key, *v.IsLatest))
			}
			for _, v := range out.Versions {
				found = append(found, fmt.Sprint(*v.Key, *v.IsLatest))
			}
			for _, p := range out.CommonPrefixes {
				found = append(found, *p.Prefix)
			}
			if in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker; !*out.IsTruncated {
				break
			}
			in.KeyMarker = aws.String(strings.ReplaceAll(*in.KeyMarker, "%2F", "/"))
		}
		if got := strings.Join(found, " "); len(found) != 6 || strings.Count(got, "afalse") != 3 ||
			!strings.Contains(got, "-atrue") || strings.Count(got, "dir%2F") != 1 ||
			!strings.Contains(got, "z%01true") {
			t.Errorf("by %d: %s", size, got)
		}
	}
}

func TestDeleteObjects(t *testing.T) {
	server, client := setUp(t, &s3test.Options{ObjectLock: true})
	held := put(t, client, "held", "text", func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = "ON" })
	server.Put("b", "k", []byte("text"))
	delete := func(quiet bool, objects ...types.ObjectIdentifier) (*s3.DeleteObjectsOutput, error) {
		return client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{
			Bucket: aws.String("b"), Delete: &types.Delete{Objects: objects, Quiet: &quiet},
		})
	}
	out, err := delete(false, types.ObjectIdentifier{Key: aws.String("k")},
		types.ObjectIdentifier{Key: aws.String("no")},
		types.ObjectIdentifier{Key: aws.String("held"), VersionId: &held})
	if err != nil || len(out.Deleted) != 2 || len(out.Errors) != 1 || *out.Errors[0].Code != "AccessDenied" ||
		*out.Errors[0].VersionId != held || server.Object("b", "k") != nil || server.Object("b", "held") == nil {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := delete(true, types.ObjectIdentifier{Key: aws.String("k")}); err != nil || len(out.Deleted) > 0 {
		t.Errorf("quiet: %+v, %v", out, err)
	}
	if _, err := delete(true, make([]types.ObjectIdentifier, 1001)...); err == nil {
		t.Error("1,001 keys are accepted")
	}
}

// TestObjectLock tries to delete and to unlock versions.
func TestObjectLock(t *testing.T) {
	server, client := setUp(t, &s3test.Options{ObjectLock: true})
	ctx, b, k := t.Context(), aws.String("b"), aws.String("k")
	later, much := aws.Time(time.Now().Add(time.Hour)), aws.Time(time.Now().Add(2*time.Hour))
	for mode, want := range map[types.ObjectLockMode][2]string{ // without and with the bypass
		"GOVERNANCE": {"AccessDenied", "<nil>"}, "COMPLIANCE": {"AccessDenied", "AccessDenied"},
	} {
		id := put(t, client, "k", "text", func(in *s3.PutObjectInput) {
			in.ObjectLockMode, in.ObjectLockRetainUntilDate = mode, much
		})
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b, Key: k})
		if err != nil || head.ObjectLockMode != mode || head.ObjectLockRetainUntilDate == nil {
			t.Errorf("%s: the object has %v, %v", mode, head.ObjectLockMode, err)
		}
		for i, bypass := range []bool{false, true} {
			if _, err := client.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{
				Bucket: b, Key: k, BypassGovernanceRetention: &bypass,
				Retention: &types.ObjectLockRetention{
					Mode: types.ObjectLockRetentionMode(mode), RetainUntilDate: later,
				},
			}); codeOf(err) != want[i] {
				t.Errorf("%s, bypass %v: a shorter retention: %v", mode, bypass, err)
			}
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{
				Bucket: b, Key: k, VersionId: &id, BypassGovernanceRetention: &bypass,
			}); codeOf(err) != want[i] {
				t.Errorf("%s, bypass %v: %v", mode, bypass, err)
			}
		}
	}
	id := server.Put("b", "k", []byte("text")).VersionID
	hold := func(status types.ObjectLockLegalHoldStatus) error {
		_, err := client.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{
			Bucket: b, Key: k, LegalHold: &types.ObjectLockLegalHold{Status: status},
		})
		return err
	}
	if _, err := client.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: b, Key: k}); codeOf(err) !=
		"NoSuchObjectLockConfiguration" {
		t.Errorf("no hold: %v", err)
	}
	if err := hold("ON"); err != nil {
		t.Error(err)
	}
	if out, err := client.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: b, Key: k}); err != nil ||
		out.LegalHold.Status != "ON" {
		t.Errorf("the hold: %v", err)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: b, Key: k, VersionId: &id, BypassGovernanceRetention: aws.Bool(true),
	}); codeOf(err) != "AccessDenied" {
		t.Errorf("delete a held version: %v", err)
	}
	if err := hold("OFF"); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b, Key: k, VersionId: &id}); err != nil {
		t.Errorf("delete a free version: %v", err)
	}
	_, plain := setUp(t, nil)
	if _, err := plain.PutObject(ctx, &s3.PutObjectInput{
		Bucket: b, Key: k, ObjectLockLegalHoldStatus: "ON", ChecksumAlgorithm: "CRC32",
	}); codeOf(err) != "InvalidRequest" {
		t.Errorf("a bucket without locks: %v", err)
	}
}
