// Command servers runs the embedded servers in a separate process, for tests of modules that must
// not depend on them:
//
//	servers DIRECTORY BUCKET
//
// It writes one line of JSON when both servers accept connections, and ends when its standard input
// does, so that it never outlives the test that started it. The database's files go into DIRECTORY.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/millweir/millweir/examples/cookies/internal/embedded"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want a directory and a bucket, have %q", args)
	}
	database, err := embedded.StartMongo(args[0])
	if err != nil {
		return err
	}
	defer database.Stop()
	storage, err := embedded.StartS3(args[1])
	if err != nil {
		return err
	}
	defer storage.Stop()

	err = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"MongoURI": database.URI, "S3Endpoint": storage.Endpoint,
		"AccessKey": storage.AccessKey, "Secret": storage.Secret,
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
