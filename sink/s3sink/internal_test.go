package s3sink

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go/middleware"
)

// TestCRCJoin compares joined CRCs with those of the whole, for each polynomial.
func TestCRCJoin(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{1})
	data := make([]byte, 1<<16)
	_, _ = rng.Read(data)
	for _, c := range []Checksum{ChecksumCRC64NVME, ChecksumCRC32, ChecksumCRC32C} {
		a := algorithms[c]
		sum := func(p []byte) uint64 {
			h := a.new()
			h.Write(p)
			return a.crc.read(h.Sum(nil))
		}
		for _, n := range []int{0, 1, 2, 7, 8, 9, 255, 4096, 1 << 16} {
			for _, cut := range []int{0, 1, n / 3, n / 2, n - 1, n} {
				if cut < 0 || cut > n {
					continue
				}
				if got, want := a.crc.join(sum(data[:cut]), sum(data[cut:n]), int64(n-cut)),
					sum(data[:n]); got != want {
					t.Errorf("%s of %d bytes cut at %d: %016x, want %016x", a.name, n, cut, got, want)
				}
			}
		}
	}
}

// TestWithGrace: the context ends some time after its parent, and keeps the values.
func TestWithGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type name struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), name{}, "a"), time.Minute)
		defer cancel()
		longer, end := withGrace(ctx, time.Second)
		defer end()
		begin := time.Now()
		<-longer.Done()
		if d := time.Since(begin); d != time.Minute+time.Second || longer.Value(name{}) != "a" {
			t.Errorf("it ended after %v with the value %v", d, longer.Value(name{}))
		}
		again, end := withGrace(t.Context(), time.Second)
		end()
		if again.Err() == nil {
			t.Error("it goes on after its end")
		}
	})
}

// TestLosingDial: a dial for a request that got another connection goes on, and reports itself. The
// time of the attempt, which has begun, goes on too.
func TestLosingDial(t *testing.T) {
	for name, late := range map[string]func(*httptrace.ClientTrace){
		"connect": func(c *httptrace.ClientTrace) { c.ConnectDone("", "", nil) },
		"handshake": func(c *httptrace.ClientTrace) {
			c.TLSHandshakeStart()
			c.TLSHandshakeDone(tls.ConnectionState{}, nil)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &attempts{what: "put", timeout: 10 * time.Minute, stall: time.Minute}
			begin := time.Now()
			_, _, err := a.HandleFinalize(t.Context(), middleware.FinalizeInput{}, middleware.FinalizeHandlerFunc(
				func(ctx context.Context, _ middleware.FinalizeInput) (
					out middleware.FinalizeOutput, meta middleware.Metadata, _ error,
				) {
					trace := httptrace.ContextClientTrace(ctx)
					trace.GetConn("")
					trace.ConnectStart("", "")
					trace.GotConn(httptrace.GotConnInfo{})
					time.Sleep(30 * time.Second)
					late(trace)
					<-ctx.Done()
					return out, meta, ctx.Err()
				}))
			if took := time.Since(begin); took != time.Minute || !strings.Contains(err.Error(), "no byte") {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
}
