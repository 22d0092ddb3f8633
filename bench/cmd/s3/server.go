package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
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

// serverArg is the argument of the process that serves.
const serverArg = "serve-s3"

// hello is the server's first line: where it serves, and its certificate.
type hello struct {
	HTTP, HTTPS string
	Certificate []byte
}

// serve serves an object of the size in the first line of in, until in ends. The path of a request
// makes no difference.
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
	body := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(body)
	sum := crc64.Checksum(body, crc64.MakeTable(0x9a6c9329ac4bc9b5))
	object := object{body, base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))}
	plain, secure := httptest.NewServer(object), httptest.NewTLSServer(object)
	defer plain.Close()
	defer secure.Close()
	err = json.NewEncoder(out).Encode(hello{plain.URL, secure.URL, secure.Certificate().Raw})
	if err == nil {
		_, err = io.Copy(io.Discard, lines)
	}
	return err
}

// object answers every GET with the same bytes.
type object struct {
	body []byte
	sum  string
}

func (o object) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Etag", `"0123"`)
	h.Set("Content-Type", "application/octet-stream")
	from, to, status := 0, len(o.body), http.StatusOK
	if rng := r.Header.Get("Range"); rng != "" {
		var last int
		if _, err := fmt.Sscanf(rng, "bytes=%d-%d", &from, &last); err != nil || from > last || last >= to {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		to, status = last+1, http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, last, len(o.body)))
	} else if r.Header.Get("X-Amz-Checksum-Mode") != "" {
		h.Set("X-Amz-Checksum-Crc64nvme", o.sum)
		h.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	h.Set("Content-Length", strconv.Itoa(to-from))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(o.body[from:to]) // a client that left is its own business
	}
}

// servers is the process that serves, and the clients for it.
type servers struct {
	cmd         *exec.Cmd
	stdin       io.Closer
	http, https *s3.Client
}

func (s *servers) start(size int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(self, serverArg)
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
	var h hello
	if _, err = fmt.Fprintln(in, size); err == nil {
		err = json.NewDecoder(out).Decode(&h)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	cert, err := x509.ParseCertificate(h.Certificate)
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	s.http, s.https = client(h.HTTP, nil), client(h.HTTPS, &tls.Config{RootCAs: trusted})
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
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("bench", "secret", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{TLSClientConfig: trust}},
	})
}
