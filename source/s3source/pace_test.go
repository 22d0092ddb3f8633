package s3source_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// step is one read of a body: it waits, then returns at most bytes bytes.
type step struct {
	wait  time.Duration
	bytes int
}

// steady returns the same step for every read.
func steady(wait time.Duration, bytes int) func(int) step {
	return func(int) step { return step{wait, bytes} }
}

// slow is a client with slow replies. The nth reply follows the nth function, and later replies
// follow the last one.
type slow struct {
	t       *testing.T
	data    []byte
	replies []func(n int) step // the nth read of a reply; a step of no bytes ends it
	opening time.Duration      // the wait before each reply
	begins  []int64            // the offsets at which the replies began
}

func (s *slow) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput,
	error,
) {
	var first int64
	if in.Range != nil {
		if _, err := fmt.Sscanf(*in.Range, "bytes=%d-", &first); err != nil {
			return nil, err
		}
		if aws.ToString(in.IfMatch) != `"x"` {
			s.t.Errorf("the rest is asked for with If-Match %q", aws.ToString(in.IfMatch))
		}
	}
	n := min(len(s.begins), len(s.replies)-1)
	s.begins = append(s.begins, first)
	time.Sleep(s.opening)
	body := &dripping{ctx: ctx, left: s.data[first:], steps: s.replies[n]}
	out := &s3.GetObjectOutput{
		Body: io.NopCloser(body), ContentLength: aws.Int64(int64(len(body.left))),
		ETag: aws.String(`"x"`),
	}
	if in.Range != nil {
		out.ContentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", first, len(s.data)-1, len(s.data)))
	}
	return out, nil
}

func (s *slow) HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return &s3.HeadObjectOutput{ContentLength: aws.Int64(int64(len(s.data))), ETag: aws.String(`"x"`)}, nil
}

// dripping is the body of a slow reply.
type dripping struct {
	ctx   context.Context
	left  []byte
	steps func(int) step
	reads int
}

func (d *dripping) Read(p []byte) (int, error) {
	s := d.steps(d.reads)
	d.reads++
	select {
	case <-time.After(s.wait):
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	n := copy(p[:min(len(p), s.bytes)], d.left)
	d.left = d.left[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestPace uses a fake clock and slow servers. The quota is 60 KiB per minute of waiting.
func TestPace(t *testing.T) {
	var (
		fast  = steady(0, 1<<20)
		drip  = steady(30*time.Second, 1)
		under = steady(time.Second, 1023)
	)
	once := func(s ...step) func(int) step {
		return func(n int) step {
			if n < len(s) {
				return s[n]
			}
			return step{}
		}
	}
	for _, tt := range []struct {
		name     string
		replies  []func(int) step
		opening  time.Duration
		consumer time.Duration // the time of the consumer for a chunk of 1 KiB
		size     int           // bytes of the object; 0 means 200 KiB
		opts     s3source.DownloadOptions
		fails    bool
		requests int           // 0 means any number
		within   time.Duration // time limit, by the fake clock
	}{
		{name: "a byte every 30 s", replies: []func(int) step{drip}, fails: true, requests: 6, within: 7 * time.Minute},
		{name: "100 bytes a second", replies: []func(int) step{
			steady(time.Second, 100),
		}, fails: true, requests: 6, within: 7 * time.Minute},
		{name: "just too slow", replies: []func(int) step{under}, fails: true, within: 7 * time.Minute},
		{name: "just fast enough", replies: []func(int) step{
			steady(950*time.Millisecond, 1024),
		}, requests: 1, within: 4 * time.Minute},
		{name: "slow once", replies: []func(int) step{drip, fast}, requests: 2, within: 2 * time.Minute},
		{name: "slow once, then just fast enough", replies: []func(int) step{
			drip, steady(950*time.Millisecond, 1024),
		}, requests: 2, within: 5 * time.Minute},
		{name: "slow, with a fast beginning, ten times", size: 700 << 10, replies: []func(int) step{func(n int) step {
			if n < 70 {
				return step{0, 1 << 10}
			}
			return step{30 * time.Second, 1}
		}}, requests: 10, within: 30 * time.Minute},
		{name: "fast, then slow", replies: []func(int) step{func(n int) step {
			if n < 100 {
				return step{0, 1 << 10}
			}
			return step{30 * time.Second, 1}
		}, fast}, requests: 2, within: 3 * time.Minute},
		{name: "a byte, and the end, after 30 s", replies: []func(int) step{
			once(step{30 * time.Second, 1}),
		}, fails: true, within: 7 * time.Minute},
		{name: "a byte, and the end, at once", replies: []func(int) step{
			once(step{0, 1}),
		}, fails: true, within: 6 * time.Minute},
		{name: "1,000 bytes, and the end, at once", replies: []func(int) step{
			once(step{0, 1000}),
		}, within: time.Minute},
		{name: "6,000 bytes, and the end, after 59 s", replies: []func(int) step{
			once(step{59 * time.Second, 6000}),
		}, fails: true, within: 15 * time.Minute},
		{name: "the first byte after 50 s", replies: []func(int) step{
			fast,
		}, opening: 50 * time.Second, requests: 1, within: time.Minute},
		{name: "the first byte of each reply after 50 s, then slow", replies: []func(int) step{
			steady(time.Second, 100),
		}, opening: 50 * time.Second, fails: true, within: 7 * time.Minute},
		{name: "a consumer that takes ten minutes for each KiB", replies: []func(int) step{
			fast,
		}, consumer: 10 * time.Minute, requests: 1, within: 100 * time.Hour},
		{name: "a slow consumer of a server that is fast enough", replies: []func(int) step{
			steady(time.Second/2, 1024),
		}, consumer: time.Hour, requests: 1, within: 1000 * time.Hour},
		{name: "a slow consumer of a slow server", replies: []func(int) step{
			under,
		}, consumer: time.Minute, fails: true, within: 24 * time.Hour},
		{name: "no retries", replies: []func(int) step{
			drip,
		}, opts: s3source.DownloadOptions{RetryTimeout: -1}, fails: true, requests: 1, within: time.Minute},
		{name: "a lower minimum", replies: []func(int) step{
			steady(time.Second, 11),
		}, opts: s3source.DownloadOptions{MinRate: 10}, requests: 1, within: 10 * time.Hour},
		{
			name: "a higher minimum", replies: []func(int) step{
				steady(time.Second, 5000),
			}, opts: s3source.DownloadOptions{MinRate: 10_000, RetryTimeout: 2 * time.Minute}, fails: true,
			within: 7 * time.Minute,
		},
		{
			name: "a shorter window", replies: []func(int) step{
				steady(9*time.Second, 1),
			}, opts: s3source.DownloadOptions{StallTimeout: 10 * time.Second, RetryTimeout: time.Minute}, fails: true,
			within: 2 * time.Minute,
		},
		{
			name: "no minimum", replies: []func(int) step{
				steady(50*time.Second, 1000),
			}, opts: s3source.DownloadOptions{MinRate: -1}, requests: 1,
			within: 10 * time.Hour,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &slow{t: t, data: random(cmp.Or(tt.size, 200<<10)), replies: tt.replies, opening: tt.opening}
				tt.opts.ChunkSize = 1 << 10
				begin := time.Now()
				var got []byte
				err := s3source.Download(client, bucket, key, &tt.opts).Each(t.Context(), func(p []byte) error {
					time.Sleep(tt.consumer)
					got = append(got, p...)
					return nil
				})
				switch {
				case tt.fails && (err == nil || stream.ClassOf(err) != stream.Retryable):
					t.Errorf("it ended with %v, class %v", err, stream.ClassOf(err))
				case !tt.fails && err != nil:
					t.Error(err)
				case !bytes.HasPrefix(client.data, got), !tt.fails && len(got) != len(client.data):
					t.Errorf("%d bytes came, or other ones", len(got))
				}
				if n := len(client.begins); tt.requests != 0 && n != tt.requests {
					t.Errorf("%d requests, want %d: %v", n, tt.requests, client.begins)
				}
				if took := time.Since(begin); took > tt.within {
					t.Errorf("it took %v, want at most %v", took, tt.within)
				}
			})
		})
	}
}

// TestPaceResumes: after a slow server was given up, another run reads the rest, as with
// [stream.Restart].
func TestPaceResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &slow{t: t, data: random(5000), replies: []func(int) step{
			steady(40*time.Second, 700), steady(0, 5000),
		}}
		at := func(offset int64) stream.Source[[]byte] {
			return s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				Offset: offset, IfMatch: `"x"`,
				RetryTimeout: -1,
			})
		}
		var pos int64
		got, err := read(t.Context(), stream.Restart(at(0), func(p []byte) int64 {
			pos += int64(len(p))
			return pos
		}, at, nil))
		if err != nil || !bytes.Equal(got, client.data) || len(client.begins) != 2 || client.begins[1] != 700 {
			t.Errorf("%d bytes came by requests from %v, %v", len(got), client.begins, err)
		}
	})
}

// TestPaceError: the error says how slow the server was, and callers can identify it as a timeout.
func TestPaceError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &slow{t: t, data: random(5000), replies: []func(int) step{steady(25*time.Second, 700)}}
		_, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{RetryTimeout: -1}))
		if want := "too slow: 1400 of 61440 bytes came in 1m0s of waiting"; !errors.Is(err, os.ErrDeadlineExceeded) ||
			!bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	})
}
