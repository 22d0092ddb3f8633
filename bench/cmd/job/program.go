package main

import (
	"context"
	"fmt"
	"os"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/bench/internal/child"
)

// program is a competitor: the whole job in both directions.
type program struct {
	name, role string
	command    string // run by sh instead of the functions

	backup  func(ctx context.Context, j *job) error
	restore func(ctx context.Context, j *job) error
	alone   func(ctx context.Context) error // instead of both, without servers
}

// job has the clients, names and keys of one run.
type job struct {
	collection  *mongo.Collection
	storage     *s3.Client
	bucket, key string
	recipient   age.Recipient
	identity    age.Identity
}

// programs are the competitors that are part of this command. Each runs in its own process.
var programs = []program{millweirDefault, millweirFast, millweirCores, millweirLarge, byHand, tuned}

// runProgram runs a program in this process. Its job comes from the environment, as for a -peer
// command.
func runProgram(role string) error {
	ctx := context.Background()
	for _, p := range programs {
		if p.role != role {
			continue
		}
		if p.alone != nil {
			return p.alone(ctx)
		}
		j, err := newJob(ctx)
		if err != nil {
			return err
		}
		run := p.backup
		if os.Getenv("JOB_DIRECTION") == "restore" {
			run = p.restore
		}
		return child.Profiled(role+"."+os.Getenv("JOB_DIRECTION"), func() error { return run(ctx, j) })
	}
	return fmt.Errorf("%s=%s is no program", child.RoleEnv, role)
}

// newJob makes the clients as their documentation shows, the same for all programs.
func newJob(ctx context.Context) (*job, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(os.Getenv("MONGODB_URI")))
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	recipient, err := age.ParseX25519Recipient(os.Getenv("JOB_RECIPIENT"))
	if err != nil {
		return nil, err
	}
	keys, err := os.Open(os.Getenv("JOB_IDENTITY"))
	if err != nil {
		return nil, err
	}
	defer keys.Close()
	identities, err := age.ParseIdentities(keys)
	if err != nil {
		return nil, err
	}
	return &job{
		collection: client.Database(os.Getenv("JOB_DB")).Collection(os.Getenv("JOB_COLLECTION")),
		storage:    s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		bucket:     os.Getenv("JOB_BUCKET"),
		key:        os.Getenv("JOB_KEY"),
		recipient:  recipient,
		identity:   identities[0],
	}, nil
}
