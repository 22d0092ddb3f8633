// Package transfers has the downloads and uploads that package main measures: those of millweir and
// of the AWS SDK.
package transfers

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Every competitor that has these settings uses them.
const (
	PartSize    = 8 << 20
	Parallelism = 4
)

// What the requests name.
const (
	Bucket, Key                  = "bench", "object"
	Region, AccessKey, SecretKey = "us-east-1", "bench", "benchsecret"
)

// Client returns a client for an endpoint.
func Client(endpoint string, trust *tls.Config) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), Region: Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
		HTTPClient:  &http.Client{Transport: Transport(trust)},
	})
}

// Transport returns the HTTP transport of all clients. It keeps as many connections as the SDK's
// own.
func Transport(trust *tls.Config) *http.Transport {
	return &http.Transport{TLSClientConfig: trust, MaxIdleConnsPerHost: 10}
}

// Trust returns a configuration that trusts the server with the given certificate only.
func Trust(certificate []byte) (*tls.Config, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	return &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, nil
}
