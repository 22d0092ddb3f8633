package integration_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/signing"
)

// sweepLater sweeps the repository as if it were eight days later, when the grace is over: the
// library runs with a clock of its own.
func (r *repository) sweepLater(t *testing.T) (swept backup.Swept) {
	t.Helper()
	trusted, err := signing.ParsePublicKey(r.publicKey(t))
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(toLater)
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		time.Sleep(later.Sub(now))
		store := r.store(t, func(o *s3.Options) {
			o.HTTPSignerV4 = signedEarlier{o.HTTPSignerV4}
			o.HTTPClient = &http.Client{Transport: repliedLater{o.HTTPClient.(*http.Client).Transport}}
		})
		repo, err := backup.Open(t.Context(), store, backup.Keys{Trust: []signing.PublicKey{trusted}})
		if err != nil {
			t.Fatal(err)
		}
		if swept, err = repo.Sweep(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	})
	return swept
}

// toLater is the time between the clock of a server and that of a sweep.
const toLater = 8 * 24 * time.Hour

// signedEarlier signs requests with the time of the server.
type signedEarlier struct{ s3.HTTPSignerV4 }

func (s signedEarlier) SignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, hash, service, region string, _ time.Time,
	opts ...func(*v4.SignerOptions),
) error {
	return s.HTTPSignerV4.SignHTTP(ctx, credentials, r, hash, service, region,
		time.Now().Add(-toLater), opts...)
}

// repliedLater changes the time of replies to that of the sweep.
type repliedLater struct{ next http.RoundTripper }

func (l repliedLater) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := l.next.RoundTrip(r)
	if err != nil {
		return reply, err
	}
	at, err := http.ParseTime(reply.Header.Get("Date"))
	if err != nil {
		return nil, errors.Join(err, reply.Body.Close())
	}
	reply.Header.Set("Date", at.Add(toLater).Format(http.TimeFormat))
	return reply, nil
}

// cleaned sweeps the repository, now and a week later, and checks that only the backups are left, and
// that each is whole. It returns what the later sweep deleted.
func (r *repository) cleaned(t *testing.T) backup.Swept {
	t.Helper()
	r.run(t, nil, "sweep", "--trust", r.signingKey()+".pub").succeeded(t)
	swept := r.sweepLater(t)
	if left := r.unfinished(t); len(left) > 0 {
		t.Errorf("after the sweep, %d unfinished objects are left, such as %s", len(left), left[0])
	}
	if left := r.orphans(t); len(left) > 0 {
		t.Errorf("after the sweep, %d orphans are left, such as %s", len(left), left[0])
	}
	for _, run := range names(r.list(t)) {
		r.read(t, run)
	}
	return swept
}
