package main

import (
	"bytes"
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
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// The servers are like those of integration/servers, without the parts for tests and without the
// module of the embedded FerretDB.

// mongoServer is a server that speaks MongoDB's protocol.
type mongoServer struct{ name, address string }

// mongo returns the server at uri, or starts one.
func (w *world) mongo(ctx context.Context, uri string) (mongoServer, error) {
	if uri != "" {
		return mongoServer{"the given MongoDB", uri}, nil
	}
	bin, ok := find("SECANTUSD_RS", "secantusd-rs")
	if !ok {
		srv := mongotest.NewServer()
		w.onClose(func() error { srv.Close(); return nil })
		return mongoServer{"mongotest", srv.URI()}, nil
	}
	log := &tailBuffer{}
	var addr string
	err := w.serve(ctx, log, func() error {
		m := listening.FindStringSubmatch(log.String())
		if m == nil {
			return errors.New("it has not said on which port")
		}
		addr = m[1]
		return nil
	}, bin, "--host", "127.0.0.1", "--port", "0", "--storage-path", filepath.Join(w.dir, "mongo"), "--cache-size",
		"512M")
	return mongoServer{"secantusd-rs", "mongodb://" + addr + "/"}, err
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// s3Server is a server that speaks S3's protocol.
type s3Server struct {
	name, endpoint string
	env            []string // for the AWS tools and SDKs
	own            bool     // started by this command, with its credentials
}

const (
	accessKey = "millweirjob"
	secretKey = "millweirjobsecret" //nolint:gosec // of a server on the loopback that lives as long as this command
	region    = "us-east-1"
)

// s3 returns the server at url, or starts one.
func (w *world) s3(ctx context.Context, url string) (s3Server, error) {
	if url != "" {
		s := s3Server{name: "the given S3", endpoint: url, env: []string{"AWS_ENDPOINT_URL_S3=" + url}}
		if os.Getenv("AWS_REGION") == "" {
			s.env = append(s.env, "AWS_REGION="+region)
		}
		return s, nil
	}
	s := s3Server{name: "s3test", own: true, env: []string{
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "AWS_EC2_METADATA_DISABLED=true",
	}}
	bin, ok := find("VERSITYGW", "versitygw")
	if !ok {
		srv := s3test.New(nil)
		w.onClose(func() error { srv.Close(); return nil })
		s.endpoint = srv.URL
	} else if err := w.versitygw(ctx, bin, &s); err != nil {
		return s, err
	}
	s.env = append(s.env, "AWS_ENDPOINT_URL_S3="+s.endpoint)
	return s, nil
}

func (w *world) versitygw(ctx context.Context, bin string, s *s3Server) error {
	data, sidecar := filepath.Join(w.dir, "objects"), filepath.Join(w.dir, "attributes")
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
	s.name, s.endpoint = "versitygw", "http://"+addr
	healthy := func() error {
		resp, err := http.Get(s.endpoint + "/healthy")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	return w.serve(ctx, &tailBuffer{}, healthy, bin, "--port", addr, "--access", accessKey, "--secret", secretKey,
		"--region", region,
		"-q", "--health", "/healthy", "posix", "--sidecar", sidecar, data)
}

// environ returns the environment of the programs. The AWS settings are the user's for the server
// of -s3, and generated for a server of this command.
func (s s3Server) environ() []string {
	return append(slices.DeleteFunc(os.Environ(),
		func(kv string) bool { return s.own && strings.HasPrefix(kv, "AWS_") }), s.env...)
}

// client returns the client of this command.
func (s s3Server) client(ctx context.Context) (*s3.Client, error) {
	opts := []func(*config.LoadOptions) error{config.WithBaseEndpoint(s.endpoint)}
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

// serve starts a server and waits until ready returns nil. Closing the world stops the server.
func (w *world) serve(ctx context.Context, log *tailBuffer, ready func() error, bin string, args ...string) error {
	cmd := exec.Command(bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w.dir, log, log, time.Second
	cmd.SysProcAttr = endWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	w.onClose(func() error {
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

// tailBuffer keeps the end of a process's output.
type tailBuffer struct {
	mu sync.Mutex
	b  []byte
}

const keepOutput = 8 << 10

// Write implements io.Writer.
func (o *tailBuffer) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, p...)
	o.b = o.b[max(0, len(o.b)-keepOutput):]
	return len(p), nil
}

// String returns the kept output.
func (o *tailBuffer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(o.b))
}
