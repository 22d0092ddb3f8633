// Package servers starts the servers of a bench command: those of the PATH as processes, or those for
// tests in this process.
package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// The servers are like those of integration/servers, without the parts for tests and without the
// module of the embedded FerretDB.

// Set is a set of servers, with a folder for their files. Close stops them and removes the folder.
type Set struct {
	Dir     string
	closers []func() error
}

// New returns an empty set. name is the beginning of the name of its folder.
func New(name string) (*Set, error) {
	dir, err := os.MkdirTemp("", name)
	return &Set{Dir: dir}, err
}

// OnClose adds what Close does, in the reverse order.
func (set *Set) OnClose(f func() error) { set.closers = append(set.closers, f) }

// Close stops the servers and removes the folder.
func (set *Set) Close() error {
	var errs []error
	for _, f := range slices.Backward(set.closers) {
		errs = append(errs, f())
	}
	set.closers = nil
	return errors.Join(append(errs, os.RemoveAll(set.Dir))...)
}

// Mongo is a server that speaks MongoDB's protocol.
type Mongo struct{ Name, Address string }

// Mongo returns the server at uri, or starts one.
func (set *Set) Mongo(ctx context.Context, uri string) (Mongo, error) {
	if uri != "" {
		return Mongo{"the given MongoDB", uri}, nil
	}
	bin, ok := find("SECANTUSD_RS", "secantusd-rs")
	if !ok {
		srv := mongotest.NewServer()
		set.OnClose(func() error { srv.Close(); return nil })
		return Mongo{"mongotest", srv.URI()}, nil
	}
	log := &child.TailBuffer{}
	var addr string
	err := set.serve(ctx, log, func() error {
		m := listening.FindStringSubmatch(log.String())
		if m == nil {
			return errors.New("it has not said on which port")
		}
		addr = m[1]
		return nil
	}, bin, "--host", "127.0.0.1", "--port", "0", "--storage-path", filepath.Join(set.Dir, "mongo"), "--cache-size",
		"512M")
	return Mongo{"secantusd-rs", "mongodb://" + addr + "/"}, err
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// S3 is a server that speaks S3's protocol.
type S3 struct {
	Name, Endpoint string

	env []string // for the AWS tools and SDKs
	own bool     // started by this command, with its credentials
}

const (
	accessKey = "millweirjob"
	secretKey = "millweirjobsecret" //nolint:gosec // of a server on the loopback that lives as long as this command
	region    = "us-east-1"
)

// S3 returns the server at url, or starts one.
func (set *Set) S3(ctx context.Context, url string) (S3, error) {
	if url != "" {
		s := S3{Name: "the given S3", Endpoint: url, env: []string{"AWS_ENDPOINT_URL_S3=" + url}}
		if os.Getenv("AWS_REGION") == "" {
			s.env = append(s.env, "AWS_REGION="+region)
		}
		return s, nil
	}
	s := S3{Name: "s3test", own: true, env: []string{
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "AWS_EC2_METADATA_DISABLED=true",
	}}
	bin, ok := find("VERSITYGW", "versitygw")
	if !ok {
		srv := s3test.New(nil)
		set.OnClose(func() error { srv.Close(); return nil })
		s.Endpoint = srv.URL
	} else if err := set.versitygw(ctx, bin, &s); err != nil {
		return s, err
	}
	s.env = append(s.env, "AWS_ENDPOINT_URL_S3="+s.Endpoint)
	return s, nil
}

func (set *Set) versitygw(ctx context.Context, bin string, s *S3) error {
	data, sidecar := filepath.Join(set.Dir, "objects"), filepath.Join(set.Dir, "attributes")
	for _, d := range []string{data, sidecar} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close() // so the port was free a moment ago
	s.Name, s.Endpoint = "versitygw", "http://"+addr
	healthy := func() error {
		resp, err := http.Get(s.Endpoint + "/healthy")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	return set.serve(ctx, &child.TailBuffer{}, healthy, bin,
		"--port", addr, "--access", accessKey, "--secret", secretKey, "--region", region,
		"-q", "--health", "/healthy", "posix", "--sidecar", sidecar, data)
}

// Environ returns the environment of the programs. The AWS settings are the user's for the server
// of -s3, and generated for a server of this command.
func (s S3) Environ() []string {
	return append(slices.DeleteFunc(os.Environ(),
		func(kv string) bool { return s.own && strings.HasPrefix(kv, "AWS_") }), s.env...)
}

// Client returns the client of this command.
func (s S3) Client(ctx context.Context) (*s3.Client, error) {
	opts := []func(*config.LoadOptions) error{config.WithBaseEndpoint(s.Endpoint)}
	if s.own {
		opts = append(opts, config.WithRegion(region), config.WithSharedConfigFiles(nil),
			config.WithSharedCredentialsFiles(nil),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, err
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = true
		o.DisableLogOutputChecksumValidationSkipped = true // of objects of several parts, which have none to validate
		if o.Region == "" {
			o.Region = region
		}
	}), nil
}

// find returns the path of a server: the value of the environment variable, or the program on the
// PATH.
func find(env, name string) (string, bool) {
	if path := os.Getenv(env); path != "" {
		name = path
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}

// serve starts a server and waits until ready returns nil. Close stops the server.
func (set *Set) serve(
	ctx context.Context, log *child.TailBuffer, ready func() error, bin string, args ...string,
) error {
	cmd := exec.Command(bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = set.Dir, log, log, time.Second
	cmd.SysProcAttr = child.EndWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	set.OnClose(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("%s ended while it started: %s", bin, log)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w: %s", bin, err, log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
