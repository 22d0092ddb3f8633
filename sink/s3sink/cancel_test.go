package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

var errCause = errors.New("the caller's reason")

// TestCancel is U8: the run is canceled during any request, before or after the server executes it.
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		op     string
		size   int
		part   int
		stored bool // the object is stored if the server executes the request
	}{
		{op: "PutObject", size: 50, stored: true},
		{op: "CreateMultipartUpload", size: 950},
		{op: "UploadPart", size: 950, part: 1},
		{op: "UploadPart", size: 950, part: 5},
		{op: "UploadPart", size: 950, part: 10},
		{op: "CompleteMultipartUpload", size: 950, stored: true},
	} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %d, carried out %v", tt.op, tt.part, done), func(t *testing.T) {
				server, client := newServer(t, anyParts)
				ctx, cancel := context.WithCancelCause(t.Context())
				f := s3test.Fault{Op: tt.op, Part: tt.part}
				if done {
					f.After = func(_ *s3test.Request, r *s3test.Reply) { cancel(errCause); r.Hang = true }
				} else {
					f.Before = func(*s3test.Request) *s3test.Reply {
						cancel(errCause)
						return &s3test.Reply{Hang: true}
					}
				}
				server.Fault(f)
				data := random(tt.size)
				start := time.Now()
				obj, err := stream.Run(ctx, chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
					small(s3sink.UploadOptions{})))
				if d := time.Since(start); d > 10*time.Second { // less than AbortTimeout
					t.Errorf("it took %v", d)
				}
				if done && tt.stored {
					if err != nil {
						t.Errorf("the object is there, and the error is %v", err)
					}
					expectStored(t, server, data, obj)
					return
				}
				if !errors.Is(err, errCause) {
					t.Errorf("the error is %v", err)
				}
				if done && tt.op == "CreateMultipartUpload" {
					// U10
					if n, err := s3sink.AbortPending(t.Context(), client, bucket, "dir/",
						olderThan(-time.Nanosecond)); n != 1 || err != nil {
						t.Errorf("%d uploads were swept, %v", n, err)
					}
				}
				expectNothing(t, server)
			})
		}
	}
}

// TestCancelWhileBeginning cancels during the request that begins an upload, shortly before its
// reply. The upload is then known, and is aborted.
func TestCancelWhileBeginning(t *testing.T) {
	server, client := newServer(t, anyParts)
	ctx, cancel := context.WithCancelCause(t.Context())
	server.Fault(s3test.Fault{Op: "CreateMultipartUpload", After: func(_ *s3test.Request, r *s3test.Reply) {
		cancel(errCause)
		r.Delay = 100 * time.Millisecond
	}})
	_, err := stream.Run(ctx, chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{})))
	if err != errCause { //nolint:errorlint // unchanged
		t.Errorf("the error is %v", err)
	}
	expectNothing(t, server)
	if n := server.Count("UploadPart"); n > 0 {
		t.Errorf("%d parts were sent", n)
	}
}

// TestCancelWhileEnding cancels during the last request, shortly before its reply. The outcome is
// then known without a HEAD.
func TestCancelWhileEnding(t *testing.T) {
	for op, size := range map[string]int{"PutObject": 50, "CompleteMultipartUpload": 950} {
		server, client := newServer(t, anyParts)
		ctx, cancel := context.WithCancelCause(t.Context())
		server.Fault(s3test.Fault{Op: op, After: func(_ *s3test.Request, r *s3test.Reply) {
			cancel(errCause)
			r.Delay = 100 * time.Millisecond
		}})
		data := random(size)
		obj, err := stream.Run(ctx, chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if err != nil || server.Count("HeadObject") > 0 {
			t.Errorf("%s: %v, %d HEADs", op, err, server.Count("HeadObject"))
		}
		expectStored(t, server, data, obj)
	}
}

// TestCancelAtTheEnd cancels when the source ends. The object must not be stored.
func TestCancelAtTheEnd(t *testing.T) {
	for _, size := range []int{0, 50, 950} {
		server, client := newServer(t, anyParts)
		ctx, cancel := context.WithCancelCause(t.Context())
		src := then(chunks(random(size), 30), func(context.Context) error { cancel(errCause); return nil })
		_, err := stream.Run(ctx, src, s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{})))
		if err != errCause { //nolint:errorlint // unchanged
			t.Errorf("%d bytes: the error is %v", size, err)
		}
		expectNothing(t, server)

		// A client that ignores its context is not called either.
		later, cancelLater := context.WithCancelCause(t.Context())
		src = then(chunks(random(size), 30), func(context.Context) error { cancelLater(errCause); return nil })
		f := &fake{}
		_, err = stream.Run(later, src, s3sink.UploadWithin(10_000, f, bucket, key, small(s3sink.UploadOptions{})))
		if err != errCause || f.stored.Load() != 0 { //nolint:errorlint // as above
			t.Errorf("%d bytes: %v, %d objects stored", size, err, f.stored.Load())
		}
	}
}

// TestHungServer: a canceled run ends in bounded time if the server answers no request.
func TestHungServer(t *testing.T) {
	server, client := newServer(t, anyParts)
	ctx, cancel := context.WithCancelCause(t.Context())
	server.Fault(s3test.Fault{Op: "UploadPart", Times: always, Before: func(*s3test.Request) *s3test.Reply {
		cancel(errCause)
		return &s3test.Reply{Hang: true}
	}})
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: always, Before: s3test.Hang})
	start := time.Now()
	_, err := stream.Run(ctx, chunks(random(950), 30),
		s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{AbortTimeout: 300 * time.Millisecond})))
	if d := time.Since(start); d < 300*time.Millisecond || d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
	if !errors.Is(err, errCause) || !errors.Is(err, context.DeadlineExceeded) &&
		!errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

// TestPanics: the upstream or the client panics or exits. The upload is aborted, and the panic
// continues.
func TestPanics(t *testing.T) {
	type boom struct{ n int }
	for _, size := range []int{0, 50, 950} {
		for name, quit := range map[string]func(){
			"panic":  func() { panic(boom{size}) },
			"Goexit": runtime.Goexit,
		} {
			t.Run(fmt.Sprintf("source %s after %d", name, size), func(t *testing.T) {
				server, client := newServer(t, anyParts)
				src := then(chunks(random(size), 30), func(context.Context) error { quit(); return nil })
				got := make(chan any)
				go func() {
					var v any = "it returned"
					defer func() {
						switch r := recover().(type) {
						case nil:
						case *stream.PanicError:
							v = r.Value
						default:
							v = fmt.Sprintf("a bare panic: %v", r)
						}
						got <- v
					}()
					v = nil // recover returns nil after Goexit
					_, _ = stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
						small(s3sink.UploadOptions{})))
					v = "it returned"
				}()
				if v := <-got; (name == "panic" && v != boom{size}) || (name == "Goexit" && v != nil) {
					t.Errorf("it ended with %v", v)
				}
				expectNothing(t, server)
			})
		}
	}
	for _, op := range []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		t.Run("client in "+op, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			defer func() {
				if r := recover(); r == nil {
					t.Error("the panic is gone")
				}
				expectNothing(t, server)
			}()
			_, _ = stream.Run(t.Context(), chunks(random(950), 30),
				s3sink.UploadWithin(10_000, panicky{client, op}, bucket, key, small(s3sink.UploadOptions{})))
		})
	}
}

// panicky panics in one operation.
type panicky struct {
	s3sink.API
	op string
}

func (p panicky) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput,
	o ...func(*s3.Options),
) (*s3.CreateMultipartUploadOutput, error) {
	if p.op == "CreateMultipartUpload" {
		panic(p.op)
	}
	return p.API.CreateMultipartUpload(ctx, in, o...)
}

func (p panicky) UploadPart(ctx context.Context, in *s3.UploadPartInput, o ...func(*s3.Options)) (*s3.UploadPartOutput,
	error,
) {
	if p.op == "UploadPart" && *in.PartNumber == 3 {
		panic(p.op)
	}
	return p.API.UploadPart(ctx, in, o...)
}

func (p panicky) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput,
	o ...func(*s3.Options),
) (*s3.CompleteMultipartUploadOutput, error) {
	if p.op == "CompleteMultipartUpload" {
		panic(p.op)
	}
	return p.API.CompleteMultipartUpload(ctx, in, o...)
}

// fake is a client without a server: it counts calls and stores nothing.
type fake struct {
	s3sink.API
	inFlight, most, aborts, overlaps, stored atomic.Int64
	fail                                     int32 // the part that fails
}

func (f *fake) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	f.stored.Add(1)
	return &s3.PutObjectOutput{ETag: aws.String("x")}, nil
}

func (f *fake) CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput,
	...func(*s3.Options),
) (*s3.CreateMultipartUploadOutput, error) {
	return &s3.CreateMultipartUploadOutput{UploadId: aws.String("id")}, nil
}

func (f *fake) UploadPart(_ context.Context, in *s3.UploadPartInput, _ ...func(*s3.Options)) (*s3.UploadPartOutput,
	error,
) {
	if n := f.inFlight.Add(1); n > f.most.Load() {
		f.most.Store(n)
	}
	defer f.inFlight.Add(-1)
	if *in.PartNumber == f.fail {
		return nil, errSource
	}
	time.Sleep(20 * time.Millisecond) // UploadPart ignores its context
	return &s3.UploadPartOutput{ETag: aws.String("x")}, nil
}

func (f *fake) CompleteMultipartUpload(_ context.Context, in *s3.CompleteMultipartUploadInput,
	_ ...func(*s3.Options),
) (*s3.CompleteMultipartUploadOutput, error) {
	f.stored.Add(1)
	return &s3.CompleteMultipartUploadOutput{ETag: aws.String("x"), ChecksumCRC64NVME: in.ChecksumCRC64NVME}, nil
}

func (f *fake) AbortMultipartUpload(context.Context, *s3.AbortMultipartUploadInput,
	...func(*s3.Options),
) (*s3.AbortMultipartUploadOutput, error) {
	f.overlaps.Add(f.inFlight.Load())
	if f.aborts.Add(1) > 1 {
		return nil, &smithy.GenericAPIError{Code: "NoSuchUpload"}
	}
	return &s3.AbortMultipartUploadOutput{}, nil
}

// TestAbortWaits: no part is in flight when the upload is aborted. The upload is aborted a second
// time, because the failed part got no reply.
func TestAbortWaits(t *testing.T) {
	for part := int32(1); part <= 9; part++ {
		f := &fake{fail: part}
		_, err := stream.Run(t.Context(), chunks(random(950), 100), s3sink.UploadWithin(10_000, f, bucket, key,
			small(s3sink.UploadOptions{})))
		if !errors.Is(err, errSource) || f.aborts.Load() != 2 || f.overlaps.Load() != 0 {
			t.Errorf("part %d: %v, %d aborts, %d parts in flight", part, err, f.aborts.Load(), f.overlaps.Load())
		}
	}
}

// TestMemory is U30: a run allocates at most Parallelism+1 buffers for its parts, and the memory in
// which the first buffer grew.
func TestMemory(t *testing.T) {
	const part, parallel = 5 << 20, 3
	f := &fake{}
	chunk := make([]byte, 64<<10)
	src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for range 40 * part / len(chunk) {
			if err := emit(chunk); err != nil {
				return err
			}
		}
		return nil
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	obj, err := stream.Run(t.Context(), src, s3sink.Upload(f, bucket, key, &s3sink.UploadOptions{
		PartSize:    part,
		Parallelism: parallel,
	}))
	runtime.ReadMemStats(&after)
	if err != nil || obj.Parts != 40 || obj.Size != 40*part {
		t.Fatal(obj, err)
	}
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64((parallel+1)*part+part*4/3+1<<20); got > most {
		t.Errorf("%d bytes were allocated, want at most %d", got, most)
	}
	if f.most.Load() != parallel {
		t.Errorf("%d parts were in flight, want %d", f.most.Load(), parallel)
	}
	runtime.ReadMemStats(&before)
	if _, err := stream.Run(t.Context(), chunks(random(10), 10),
		s3sink.UploadWithin(10, newClient("http://127.0.0.1:1"), bucket, key,
			small(s3sink.UploadOptions{PartSize: 64 << 20}))); err == nil {
		t.Error("there is no server, and no error")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes were allocated for a stream of 10", got)
	}
}
