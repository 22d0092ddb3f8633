package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Role returns a client of MinIO whose rights are a policy, as JSON: temporary credentials of
// AssumeRole (https://min.io/docs/minio/linux/developers/security-token-service/AssumeRole.html).
func (s *S3) Role(t testing.TB, policy string) *s3.Client {
	t.Helper()
	c := s.assume(t, policy)
	return s.Client(t, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	})
}

// roleCredentials are the temporary credentials in a reply of AssumeRole.
type roleCredentials struct {
	AccessKeyID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	SecretAccessKey string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	SessionToken    string `xml:"AssumeRoleResult>Credentials>SessionToken"`
}

func (s *S3) assume(t testing.TB, policy string) roleCredentials {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	form := url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "DurationSeconds": {"3600"}, "Policy": {policy},
	}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint()+"/", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(form))
	root := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}
	if err := v4.NewSigner().SignHTTP(ctx, root, req, hex.EncodeToString(sum[:]), "sts", Region,
		time.Now()); err != nil {
		t.Fatal(err)
	}
	reply, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("AssumeRole: %s, %v: %s", reply.Status, err, body)
	}
	var c roleCredentials
	if err := xml.Unmarshal(body, &c); err != nil || c.SessionToken == "" {
		t.Fatalf("AssumeRole: %v: %s", err, body)
	}
	return c
}
