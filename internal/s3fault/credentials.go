package s3fault

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// MarkCredentials returns p with its errors marked, so that [Outage] recognizes them.
func MarkCredentials(p aws.CredentialsProvider) aws.CredentialsProvider {
	if _, marked := p.(*credentials); marked || p == nil {
		return p
	}
	return &credentials{p}
}

type credentials struct{ provider aws.CredentialsProvider }

// Retrieve implements [aws.CredentialsProvider].
func (c *credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	got, err := c.provider.Retrieve(ctx)
	if err != nil {
		return got, &credentialsError{err}
	}
	return got, nil
}

// IsCredentialsProvider lets the SDK recognize anonymous credentials.
func (c *credentials) IsCredentialsProvider(target aws.CredentialsProvider) bool {
	return aws.IsCredentialsProvider(c.provider, target)
}

// Invalidate makes a cache ask its provider for new credentials.
func (c *credentials) Invalidate() {
	if cache, ok := c.provider.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

// credentialsError is an error of the credentials provider.
type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }
