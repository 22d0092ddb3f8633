package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
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
	handler := newStore(transfers.ContentOf(size))
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
	dir   string // of the program one; "" until it is built

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
	if s.trust, err = transfers.Trust(s.at.Certificate); err != nil {
		return err
	}
	s.http, s.https = transfers.Client(s.at.HTTP, nil), transfers.Client(s.at.HTTPS, s.trust)
	s.far = transfers.Client(s.at.Far, nil)
	return nil
}

// close ends the server. The server ends by itself when this process ends.
func (s *servers) close() error {
	if s.stdin == nil {
		return nil
	}
	return errors.Join(s.stdin.Close(), s.cmd.Wait(), os.RemoveAll(s.dir))
}
