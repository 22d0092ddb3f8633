package main

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/cookies/internal/embedded"
)

// TestReadmeProgram compiles and runs the program that the README shows.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindSubmatch(readme)
	if program == nil {
		t.Fatal("the README has no program")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), program[1], 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "readme")
	if out, err := exec.Command("go", "build", "-o", binary,
		filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("the README's program does not compile: %v\n%s", err, out)
	}

	db, err := embedded.StartMongo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Stop()
	objects, err := embedded.StartS3("backups")
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Stop()
	client, err := mongo.Connect(options.Client().ApplyURI(db.URI))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	if _, err := client.Database("shop").Collection("cookies").InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "oat"}}); err != nil {
		t.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}

	run := exec.Command(binary)
	run.Env = append(os.Environ(),
		"MONGODB_URI="+db.URI, "BACKUP_RECIPIENT="+identity.Recipient().String(),
		"AWS_ENDPOINT_URL_S3="+objects.Endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+objects.AccessKey,
		"AWS_SECRET_ACCESS_KEY="+objects.Secret)
	if out, err := run.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "stored ") {
		t.Fatalf("the README's program: %v\n%s", err, out)
	}

	got, err := objects.Client().GetObject(t.Context(),
		&s3.GetObjectInput{Bucket: aws.String("backups"), Key: aws.String("cookies.jsonl.gz.age")})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	plain, err := age.Decrypt(got.Body, identity)
	if err != nil {
		t.Fatal(err)
	}
	line := gunzip(t, plain)
	if want := `{"_id":{"$numberInt":"1"},"name":"oat"}` + "\n"; line != want {
		t.Errorf("the backup holds %q, want %q", line, want)
	}
}

func gunzip(t *testing.T, r io.Reader) string {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
