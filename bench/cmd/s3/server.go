package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// serverRole is the argument of the process that serves.
const serverRole = "serve-s3"

// endpoints is the server's first line: where it serves, and its certificate.
type endpoints struct {
	HTTP, HTTPS string
	Far         string // with latency and a limit for each connection
	Certificate []byte
}

// serve serves an object of the size in the first line of in, and takes uploads of the same bytes,
// until in ends.
func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadString('\n')
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	handler := newStore(contentOf(size))
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	far := httptest.NewServer(slowly(handler))
	defer plain.Close()
	defer secure.Close()
	defer far.Close()
	err = json.NewEncoder(out).Encode(endpoints{plain.URL, secure.URL, far.URL, secure.Certificate().Raw})
	if err == nil {
		_, err = io.Copy(io.Discard, lines)
	}
	return err
}

// servers is the process that serves, and the clients for it.
type servers struct {
	cmd   *exec.Cmd
	stdin io.Closer
	size  int // of the object
	at    endpoints

	http, https, far *s3.Client
	trust            *tls.Config
}

func (s *servers) start(size int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.size = size
	s.cmd = exec.Command(self, serverRole)
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.stdin = in
	if _, err = fmt.Fprintln(in, size); err == nil {
		err = json.NewDecoder(out).Decode(&s.at)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	cert, err := x509.ParseCertificate(s.at.Certificate)
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	s.trust = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	s.http, s.https, s.far = client(s.at.HTTP, nil), client(s.at.HTTPS, s.trust), client(s.at.Far, nil)
	return nil
}

// close ends the server. The server ends by itself when this process ends.
func (s *servers) close() error {
	if s.stdin == nil {
		return nil
	}
	return errors.Join(s.stdin.Close(), s.cmd.Wait())
}

func client(endpoint string, trust *tls.Config) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), Region: region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		HTTPClient:  &http.Client{Transport: transport(trust)},
	})
}

const region, accessKey, secretKey = "us-east-1", "bench", "benchsecret"

// transport returns the HTTP transport of all clients. It keeps as many connections as the SDK's
// own.
func transport(trust *tls.Config) *http.Transport {
	return &http.Transport{TLSClientConfig: trust, MaxIdleConnsPerHost: 10}
}
