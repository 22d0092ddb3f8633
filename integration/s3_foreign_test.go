package integration_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/source/s3source"
)

// foreign are clients of others that upload a file, and what their objects can be compared with in
// one part and in several.
var foreign = []struct {
	program, hint string
	upload        func(s *servers.S3, file, bucket string) (args, env []string)
	verified      func(object s3source.Object) bool
}{
	{
		"aws", "install the AWS CLI",
		func(s *servers.S3, file, bucket string) (args, env []string) {
			return []string{
				"s3", "cp", "--quiet", file, "s3://" + bucket + "/k",
				"--endpoint-url", s.Endpoint(), // older ones ignore the variable
			}, []string{"AWS_ENDPOINT_URL=" + s.Endpoint()}
		},
		func(o s3source.Object) bool { return !strings.Contains(o.ETag, "-") || len(o.Checksums) > 0 },
	},
	{
		"rclone", "install rclone",
		func(s *servers.S3, file, bucket string) (args, env []string) {
			args = []string{
				"copyto", file, ":s3:" + bucket + "/k", "--s3-provider", "Other", "--s3-env-auth",
				"--s3-endpoint", s.Endpoint(), "--s3-region", servers.Region, "--s3-no-check-bucket",
				"--s3-chunk-size", "5Mi", "--s3-upload-cutoff", "10Mi",
			}
			return args, []string{"RCLONE_CONFIG=/nonexistent"}
		},
		func(s3source.Object) bool { return true }, // it writes the MD5 of a file into the metadata
	},
}

// TestDownloadOfForeign downloads objects that other clients wrote with their defaults, in one part
// and in several. The verification that the download announces before the first byte must be the one
// that it makes.
func TestDownloadOfForeign(t *testing.T) {
	for _, c := range foreign {
		t.Run(c.program, func(t *testing.T) {
			program, err := exec.LookPath(c.program)
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatalf("%s is not on the PATH: %s", c.program, c.hint)
				}
				t.Skipf("%s is not on the PATH: %s", c.program, c.hint)
			}
			eachS3(t, func(t *testing.T, s *servers.S3) {
				bucket := s.Bucket(t)
				for _, size := range []int{0, 1000, 20 << 20} {
					want := random()[:size]
					file := filepath.Join(t.TempDir(), "object")
					if err := os.WriteFile(file, want, 0o600); err != nil {
						t.Fatal(err)
					}
					args, env := c.upload(s, file, bucket)
					cmd := exec.CommandContext(t.Context(), program, args...)
					cmd.Env = append(s.Env(), append(env, "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())...)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%s: %v: %s", c.program, err, out)
					}
					downloadForeign(t, s.Client(t), bucket, want, c.verified)
				}
			})
		})
	}
}

// downloadForeign downloads the object of another client, one request and several at a time.
func downloadForeign(t *testing.T, client s3source.API, bucket string, want []byte,
	verified func(s3source.Object) bool,
) {
	t.Helper()
	for _, parallelism := range []int{1, 3} {
		var object s3source.Object
		got, err := download(t, client, bucket, "k", &s3source.DownloadOptions{
			Parallelism: parallelism, PartSize: partSize,
			OnObject: func(o s3source.Object) error { object = o; return nil },
		})
		v := object.Verification
		if err != nil || !bytes.Equal(got, want) || object.Size != int64(len(want)) {
			t.Errorf("%d bytes, %d at a time: %d came, %v", len(want), parallelism, len(got), err)
		}
		if verified(object) && v.Algorithm == "" {
			t.Errorf("%d bytes, %d at a time: nothing is compared: %+v", len(want), parallelism, object)
		}
		t.Logf("%d bytes, ETag %s, checksums %v, metadata %v: compared with %+v", len(want), object.ETag,
			object.Checksums, object.Metadata, v)
	}
}
