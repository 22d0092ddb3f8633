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

// TestDownloadOfAWSCLI downloads objects that the AWS CLI wrote with its defaults, in one part and
// in several. The verification that the download announces before the first byte must be the one
// that it makes.
func TestDownloadOfAWSCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("aws is not on the PATH: install the AWS CLI")
		}
		t.Skip("aws is not on the PATH: install the AWS CLI")
	}
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		for _, size := range []int{0, 1000, 20 << 20} {
			want := random()[:size]
			file := filepath.Join(t.TempDir(), "object")
			if err := os.WriteFile(file, want, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), cli, "s3", "cp", "--quiet", file, "s3://"+bucket+"/k")
			cmd.Env = append(s.Env(), "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir(), "AWS_ENDPOINT_URL="+s.Endpoint())
			cmd.Args = append(cmd.Args, "--endpoint-url", s.Endpoint()) // older ones ignore the variable
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("aws: %v: %s", err, out)
			}
			for _, parallelism := range []int{1, 3} {
				var object s3source.Object
				got, err := download(t, client, bucket, "k", &s3source.DownloadOptions{
					Parallelism: parallelism, PartSize: partSize,
					OnObject: func(o s3source.Object) error { object = o; return nil },
				})
				v := object.Verification
				if err != nil || !bytes.Equal(got, want) || object.Size != int64(size) {
					t.Errorf("%d bytes, %d at a time: %d came, %v", size, parallelism, len(got), err)
				}
				if inParts := strings.Contains(object.ETag, "-"); v.Algorithm == "" &&
					!(inParts && len(object.Checksums) == 0) {
					t.Errorf("%d bytes, %d at a time: nothing is compared: %+v", size, parallelism, object)
				}
				t.Logf("%d bytes, ETag %s, checksums %v: compared with %+v", size, object.ETag, object.Checksums, v)
			}
		}
	})
}
