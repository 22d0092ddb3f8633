package cli

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Connect is [S3.Client] with a time limit for the credentials and a message while the program
// waits for them. It warns if the connection is not encrypted.
func (s *S3) Connect(ctx context.Context, p *Program) (client *s3.Client, err error) {
	s.program = p
	err = p.Ask(ctx, Textf("the AWS credentials"), "AWS credentials", requestTimeout, func(ctx context.Context) error {
		if client, err = s.Client(ctx, p); err != nil || !sentInClear(s.endpoint) {
			return err
		}
		credentials, err := client.Options().Credentials.Retrieve(ctx)
		what := "the objects' bytes and the names of bucket and keys"
		if credentials.SessionToken != "" {
			what += ", and the session token"
		}
		p.Warn(Textf("%s is reached without TLS: whoever is in between can read %s, and change the replies; use "+
			"https://", s.Where(), what),
			"no TLS", "endpoint", s.Where(), "session_token", credentials.SessionToken != "")
		return err
	})
	return client, err
}

// Waiting is [Program.Waiting] for a request to the S3 server.
func (s *S3) Waiting(request string) (done func()) {
	return s.program.Waiting(Textf("the S3 server at %s (%s)", s.Where(), request))
}

// sentInClear reports whether requests to endpoint leave this machine without encryption.
func sentInClear(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && !net.ParseIP(host).IsLoopback()
}
