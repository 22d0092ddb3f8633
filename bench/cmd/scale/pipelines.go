package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/internal/rusage"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The roles of a process, in the first argument.
const (
	serverRole   = "serve"
	backupsRole  = "backups"
	tenantsRole  = "tenants"
	budgetOfRows = 512 << 20
)

// backups measures the peak memory of a process with many backups of 20 MB at once.
func backups(e effort) report.Case {
	n, size := 200, e.of(20<<20, 1<<10)
	return memory("budget-backups", fmt.Sprintf("%d backups at once of %d KiB each, budget 512 MiB", n, size>>10),
		backupsRole, n, size)
}

// tenants measures the peak memory of a backup with one upload for each of 100 tenants.
func tenants(e effort) report.Case {
	n, size := 100, e.of(20<<20, 1<<10)
	return memory("budget-tenants", fmt.Sprintf("one upload for each of %d tenants of %d KiB, budget 512 MiB", n,
		size>>10),
		tenantsRole, n, size)
}

func memory(name, about, role string, n, size int) report.Case {
	return report.Case{
		Name: name, About: about, Unit: "byte", Units: 1, By: report.RSS, Cold: true, Rounds: 1,
		Ours:   report.Peer{Name: "millweir", Work: inProcesses(role, n, size)},
		Limits: []report.Limit{{Metric: report.RSS, Max: 700}},
	}
}

// inProcesses runs the servers in one process and the work in another, whose memory counts.
func inProcesses(role string, n, size int) report.Work {
	return func(int) (s report.Sample, err error) {
		self, err := os.Executable()
		if err != nil {
			return s, err
		}
		servers := exec.Command(self, serverRole, strconv.Itoa(size))
		servers.Stderr = os.Stderr
		stdin, err := servers.StdinPipe()
		if err != nil {
			return s, err
		}
		stdout, err := servers.StdoutPipe()
		if err != nil {
			return s, err
		}
		if err := servers.Start(); err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, stdin.Close(), servers.Wait()) }()
		uris, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			return s, err
		}
		work := exec.Command(self, append([]string{role, strconv.Itoa(n)}, strings.Fields(uris)...)...)
		work.Stderr = os.Stderr
		began := time.Now()
		if err := work.Run(); err != nil {
			return s, err
		}
		s.Units, s.Wall, s.Allocs = n*size, time.Since(began), -1
		s.CPU = work.ProcessState.UserTime() + work.ProcessState.SystemTime()
		s.RSS = rusage.PeakRSS(work.ProcessState)
		return s, nil
	}
}

// play does the work of a process with a role.
func play(ctx context.Context, role string, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if role == serverRole {
		return serve(os.Stdin, os.Stdout, n)
	}
	// On a busy machine a pipeline may wait for its turn longer than the driver's defaults allow.
	const longest = 10 * time.Minute
	client, err := mongo.Connect(options.Client().ApplyURI(args[1]).SetMaxPoolSize(20).
		SetServerSelectionTimeout(longest).SetConnectTimeout(longest))
	if err != nil {
		return err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	w := world{
		docs: client.Database("bench").Collection("docs"),
		s3: s3.New(s3.Options{
			BaseEndpoint: aws.String(args[2]), Region: "us-east-1", UsePathStyle: true,
			Credentials: credentials.NewStaticCredentialsProvider("bench", "secret", ""),
		}),
		key: key.Recipient(),
	}
	// A budget does not count garbage, so the process has a memory limit as well.
	debug.SetMemoryLimit(budgetOfRows + budgetOfRows/8)
	ctx = stream.WithBudget(ctx, stream.NewBudget(budgetOfRows))
	if role == tenantsRole {
		return w.tenants(ctx, n)
	}
	return w.backups(ctx, n)
}

// serve serves a collection of about size bytes and a bucket until in ends.
func serve(in io.Reader, out io.Writer, size int) error {
	db, store := mongotest.NewServer(), s3test.New(nil)
	defer db.Close()
	defer store.Close()
	store.CreateBucket("bench")
	c := corpus.New(1)
	var docs []bson.Raw
	for total := 0; total < size; {
		doc := c.Big()
		docs = append(docs, doc)
		total += len(doc)
	}
	db.Add("bench", "docs", docs...)
	if _, err := fmt.Fprintln(out, db.URI(), store.URL); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

// world is what the pipelines read and write.
type world struct {
	docs *mongo.Collection
	s3   *s3.Client
	key  age.Recipient
}

func (w world) find() stream.Source[bson.Raw] { return mongosource.Find(w.docs, bson.D{}, nil) }

// upload returns a sink that stores documents as an object.
func (w world) upload(key string) stream.Sink[bson.Raw, s3sink.Object] {
	return stream.Into(stream.Then(stream.Then(bsoncodec.ExtJSON(nil), codec.Gzip(nil)), agecodec.Encrypt(w.key)),
		s3sink.Upload(w.s3, "bench", key, nil))
}

// backups runs n pipelines, all at once.
func (w world) backups(ctx context.Context, n int) error {
	runs := make([]*stream.Running[s3sink.Object], n)
	for i := range runs {
		runs[i] = stream.Go(ctx, w.find(), w.upload(fmt.Sprint("backup-", i)))
	}
	var errs []error
	for _, r := range runs {
		_, err := r.Wait()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

type record struct {
	tenant int
	doc    bson.Raw
}

// tenants sends every document to all n tenants. Each tenant has an upload.
func (w world) tenants(ctx context.Context, n int) error {
	all := stream.Via(w.find(), stream.ConcatMap(func(doc bson.Raw) stream.Source[record] {
		return stream.Via(source.Range(0, n, 1), stream.Map(func(i int) record { return record{i, doc} }))
	}))
	doc := stream.Map(func(r record) bson.Raw { return r.doc })
	uploads := stream.GroupBy(n, func(r record) int { return r.tenant },
		func(i int) stream.Flow[record, s3sink.Object] {
			return stream.ResultOf(stream.Into(doc, w.upload(fmt.Sprint("tenant-", i))))
		}, nil)
	stored, err := stream.Run(ctx, stream.Via(all, uploads), sink.Discard[s3sink.Object]())
	if err == nil && stored != int64(n) {
		err = fmt.Errorf("%d uploads, not %d", stored, n)
	}
	return err
}
