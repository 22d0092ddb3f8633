package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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

// S3 locates the object: the flags -bucket, -key and -retry. Credentials, region and endpoint come
// from the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3, …),
// ~/.aws, or the machine's role, as for every AWS tool.
type S3 struct {
	Bucket, Key string
	retry       time.Duration
	located     bool // by Locate: the program has s3://BUCKET/PREFIX and --retry, and no -bucket and -key

	endpoint string // for messages; "" for Amazon S3
	gotReply bool   // the service has replied to a request of this run
	program  *Program
}

// Flags adds the flags to fs.
func (s *S3) Flags(fs *Flags) {
	fs.Group("The object")
	fs.StringVar(&s.Bucket, "bucket", "", "the S3 bucket's `NAME`")
	fs.StringVar(&s.Key, "key", "", "the object's `KEY` in the bucket: cookies.jsonl.gz.age")
	fs.DurationVar(&s.retry, "retry", 5*time.Minute,
		"the `TIME` for which a request is repeated while the service fails or is away; 0s: not at all")
}

// maxKey is the limit of a key in bytes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
const maxKey = 1024

// bucketName matches what any service may accept as the name of a bucket. Amazon S3 once allowed
// capital letters and underscores, and other services still do.
var bucketName = regexp.MustCompile(`^(arn:.*|[A-Za-z0-9._-]{3,255})$`)

// CheckFlags returns a [*UsageError] for a bucket or a key that no service allows, and for a negative
// time.
func (s *S3) CheckFlags() error {
	if s.located {
		return s.checkLocation()
	}
	if s.Bucket != "" && !bucketName.MatchString(s.Bucket) {
		return Usagef("-bucket %q cannot be the name of a bucket: want 3 to 63 lower-case letters, digits, dots and "+
			"hyphens", s.Bucket)
	}
	if len(s.Key) > maxKey {
		return Usagef("-key has %d bytes, more than the %d that S3 takes", len(s.Key), maxKey)
	}
	if n := len(s.MetadataKey()); n > maxKey {
		return Usagef("-key has %d bytes: the options and indexes are stored under the same key with %s, and S3 takes "+
			"%d bytes", len(s.Key), metadataSuffix, maxKey)
	}
	if s.retry < 0 {
		return Usagef("-retry %v is negative", s.retry)
	}
	if !utf8.ValidString(s.Key) {
		return Usagef("-key %q is not UTF-8", s.Key)
	}
	return nil
}

// RetryTimeout returns the value of -retry for the options of an upload or a download.
func (s *S3) RetryTimeout() time.Duration {
	if s.retry == 0 {
		return -1
	}
	return s.retry
}

// URL returns s3://BUCKET/KEY.
func (s *S3) URL() string { return "s3://" + s.Bucket + "/" + s.Key }

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

// Stat returns the object's size, ETag and metadata.
func (s *S3) Stat(ctx context.Context, client *s3.Client) (*s3.HeadObjectOutput, error) {
	looking, cancel := context.WithTimeoutCause(ctx, requestTimeout, errNoReply)
	defer cancel()
	head, err := client.HeadObject(looking, &s3.HeadObjectInput{Bucket: &s.Bucket, Key: &s.Key})
	err = s3fault.Mark(err)
	s.noteReply(err)
	switch {
	case err == nil:
		return head, nil
	case looking.Err() != nil:
		return nil, s.explainTimeout(context.Cause(looking))
	case !slices.Contains([]int{http.StatusNotFound, http.StatusForbidden, http.StatusBadRequest}, status(err)):
		return nil, s.Explain(err)
	}
	if err := s.Check(ctx, client); err != nil { // the reply to a HEAD has no error code
		return nil, err
	}
	switch status(err) {
	case http.StatusForbidden:
		return nil, s.advise("AccessDenied", err)
	case http.StatusBadRequest:
		return nil, s.Explain(err)
	}
	return nil, s.advise("NoSuchKey", err)
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
		return advise(code, "bucket "+s.Bucket+" does not exist at "+s.Where()+": create it, or correct "+s.bucketWord(), err)
	case "InvalidBucketName":
		return &UsageError{advise(code, s.Bucket+" cannot be the name of a bucket: correct "+s.bucketWord(), err)}
	case "NoSuchKey":
		if s.located {
			return advise(code, "an object of "+s.URL()+" does not exist", err)
		}
		return advise(code, s.URL()+" does not exist: correct -key (aws s3 ls s3://"+s.Bucket+"/ lists what there "+
			"is)", err)
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
