package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// S3 is the access to the bucket of a repository. Credentials, region and endpoint come from the
// environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3, …),
// ~/.aws, or the machine's role, as for every AWS tool.
type S3 struct {
	Bucket, Prefix string
	Retry          time.Duration // for which a request is repeated; 0: not at all

	endpoint string // for messages; "" for Amazon S3
	gotReply bool   // the service has replied to a request of this run
	program  *Program
}

// maxKey is the limit of a key in bytes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
const maxKey = 1024

// bucketName matches what any service may accept as the name of a bucket. Amazon S3 once allowed
// capital letters and underscores, and other services still do.
var bucketName = regexp.MustCompile(`^(arn:.*|[A-Za-z0-9._-]{3,255})$`)

// CheckFlags returns a [*UsageError] for a bucket or a prefix that no service allows, and for a
// negative time.
func (s *S3) CheckFlags() error {
	switch {
	case s.Bucket == "":
		return Usagef("s3:// has no bucket: want s3://BUCKET/PREFIX")
	case !bucketName.MatchString(s.Bucket):
		return Usagef("%s: %q cannot be the name of a bucket: want 3 to 63 lower-case letters, digits, dots and "+
			"hyphens", s.URL(), s.Bucket)
	case len(s.Prefix) > maxKey:
		return Usagef("s3://%s: the prefix has %d bytes, and S3 takes keys of %d", s.Bucket, len(s.Prefix), maxKey)
	case !utf8.ValidString(s.Prefix):
		return Usagef("s3://%s: the prefix %q is not UTF-8", s.Bucket, s.Prefix)
	case s.Retry < 0:
		return Usagef("--retry %v is negative", s.Retry)
	}
	return nil
}

// RetryTimeout returns Retry for the options of a store.
func (s *S3) RetryTimeout() time.Duration {
	if s.Retry == 0 {
		return -1
	}
	return s.Retry
}

// URL returns s3://BUCKET/PREFIX.
func (s *S3) URL() string { return "s3://" + s.Bucket + "/" + s.Prefix }

// Client returns a client with credentials, which it does not verify. If an endpoint is set, the
// client addresses buckets by path and needs no region.
func (s *S3) Client(ctx context.Context, p *Program) (*s3.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithLogger(logging.Nop{}), // its warnings would mix with this program's messages
		config.WithAPIOptions([]func(*middleware.Stack) error{s3reply.Cap}),
	)
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings in the environment and ~/.aws: %w", err)
	}
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "+
			"AWS_PROFILE (%w)", err)
	}
	p.secrets.add(credentials.SecretAccessKey, credentials.SessionToken)
	p.secrets.addNames(credentials.AccessKeyID)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		s3reply.Guard(o)
		if o.BaseEndpoint == nil {
			return
		}
		s.endpoint = *o.BaseEndpoint
		p.secrets.addEndpoint(s.endpoint)
		o.UsePathStyle = true
		if o.Region == "" {
			o.Region = "us-east-1" // servers other than Amazon's expect it in the signature
		}
	})
	if err := s.checkEndpoint(); err != nil {
		return nil, err
	}
	if client.Options().Region == "" {
		return nil, errors.New("no AWS region given: set AWS_REGION, or a region in ~/.aws/config")
	}
	return client, nil
}

// checkEndpoint returns an error for an endpoint that is not a URL.
func (s *S3) checkEndpoint() error {
	if s.endpoint == "" {
		return nil
	}
	if u, err := url.Parse(s.endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Usagef("AWS_ENDPOINT_URL_S3 is %q, which is no URL: want https://HOST[:PORT] or http://HOST[:PORT]",
			shownEndpoint(s.endpoint))
	}
	return nil
}

// Where returns the endpoint, or Amazon S3, for messages.
func (s *S3) Where() string {
	if s.endpoint != "" {
		return shownEndpoint(s.endpoint)
	}
	return "Amazon S3"
}

// Check checks that the bucket exists and that the service knows the credentials. AccessDenied is
// not an error, because the right to write does not include the right to list. (A HEAD would need
// fewer rights, but its reply has no error code.)
func (s *S3) Check(ctx context.Context, client *s3.Client) error {
	looking, cancel := context.WithTimeoutCause(ctx, requestTimeout, errNoReply)
	defer cancel()
	_, err := client.ListObjectsV2(looking, &s3.ListObjectsV2Input{Bucket: &s.Bucket, MaxKeys: aws.Int32(1)})
	err = s3fault.Mark(err)
	s.noteReply(err)
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case looking.Err() != nil:
		return s.explainTimeout(context.Cause(looking))
	case errors.As(err, &api) && (api.ErrorCode() == "AccessDenied" || status(err) >= http.StatusInternalServerError):
		return nil
	}
	return s.Explain(err)
}

// requestTimeout limits requests that only read a server's state. A server may accept connections
// and never reply.
const requestTimeout = 30 * time.Second

var errNoReply = stream.Mark(fmt.Errorf("no answer for %v", requestTimeout), stream.Retryable)

// explainTimeout adds to the cause of a canceled request what to do about it.
func (s *S3) explainTimeout(cause error) error {
	if !errors.Is(cause, errNoReply) {
		return cause
	}
	return advise(cause.Error(), "the S3 server at "+s.Where()+" is silent: look at it, or correct "+
		"AWS_ENDPOINT_URL_S3", cause)
}

// noteReply notes that the service has replied, if err shows that it has.
func (s *S3) noteReply(err error) {
	if err == nil || status(err) != 0 {
		s.gotReply = true
	}
}

// Explain adds to an error of the SDK what to do about it, if that is known.
func (s *S3) Explain(err error) error {
	var api smithy.APIError
	var send *smithyhttp.RequestSendError
	switch {
	case err == nil || isAdvised(err):
		return err
	case errors.Is(err, s3sink.ErrBrokenOff) && errors.As(err, &api):
		// The error is the reply to a request that asked for the reason.
		return s.advise(api.ErrorCode(), err)
	case errors.As(err, &send) && s.gotReply:
		return advise(rootText(send), "the connection to the S3 server at "+s.Where()+" broke: look at the server "+
			"and the network, and run this again", err)
	case errors.As(err, &send):
		return advise(rootText(send), "no S3 server answers at "+s.Where()+": start it, or correct "+
			"AWS_ENDPOINT_URL_S3", err)
	case errors.As(err, &api):
		return s.advise(api.ErrorCode(), err)
	}
	return err
}

// advise adds to err what to do about code, an S3 error code
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func (s *S3) advise(code string, err error) error {
	switch code {
	case "NoSuchBucket":
		return advise(code, "bucket "+s.Bucket+" does not exist at "+s.Where()+": create it, or correct the name in "+
			s.URL(), err)
	case "InvalidBucketName":
		return &UsageError{advise(code, s.Bucket+" cannot be the name of a bucket: correct the name in "+s.URL(), err)}
	case "NoSuchKey":
		return advise(code, "an object of "+s.URL()+" does not exist", err)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"XAdminUserNotFound":
		return advise(code, s.Where()+" refuses the AWS credentials: correct AWS_ACCESS_KEY_ID and "+
			"AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", err)
	case "AccessDenied":
		return advise(code, s.Where()+" does not allow this on "+s.URL()+": correct the AWS credentials, or grant "+
			"them the right", err)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		where := "another region"
		if region := s3fault.Region(err); region != "" {
			where = "region " + region
		}
		return advise(code, "bucket "+s.Bucket+" lies in "+where+": set AWS_REGION to it", err)
	case "RequestTimeTooSkewed":
		return advise(code, "the clock of this machine is wrong: set it", err)
	}
	return err
}

// status returns the HTTP status of err, or 0.
func status(err error) int {
	var reply *smithyhttp.ResponseError
	if errors.As(err, &reply) && reply.Response != nil {
		return reply.HTTPStatusCode()
	}
	return 0
}
