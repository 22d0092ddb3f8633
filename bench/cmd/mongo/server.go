package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/mongotest"
)

const (
	roleEnv    = "MILLWEIR_MONGO_ROLE"
	serverRole = "server"
	docsEnv    = "MILLWEIR_MONGO_DOCS"

	latency = 20 * time.Millisecond // of a getMore of the slow server
)

// shapes are the kinds of documents, by the name of their collection.
var shapes = map[string]func(*corpus.Corpus) bson.Raw{
	"cookie": (*corpus.Corpus).Cookie,
	"event":  (*corpus.Corpus).Event,
	"big":    (*corpus.Corpus).Big,
}

// serve runs two servers with the same documents, prints their URIs, and ends when in does. The
// second server is slow.
func serve(in io.Reader, out io.Writer) error {
	n, err := strconv.Atoi(os.Getenv(docsEnv))
	if err != nil {
		return err
	}
	quick, slow := mongotest.NewServer(), mongotest.NewServer()
	defer quick.Close()
	defer slow.Close()
	for name, shape := range shapes {
		c := corpus.New(1)
		docs := make([]bson.Raw, count(name, n))
		for i := range docs {
			docs[i] = shape(c)
		}
		quick.Add("bench", name, docs...)
		slow.Add("bench", name, docs[:len(docs)/10]...)
	}
	slow.Inject(mongotest.Fault{Command: "getMore", Delay: latency})
	fmt.Fprintln(out, quick.URI())
	fmt.Fprintln(out, slow.URI())
	_, err = io.Copy(io.Discard, in)
	return err
}

// count returns the number of documents of a collection: a tenth of the big ones.
func count(name string, n int) int {
	if name == "big" {
		return n / 10
	}
	return n
}

// input is the collections to read.
type input struct {
	quick, slow *mongo.Database
	docs        int
	stdin       io.Closer // of the server's process, which ends when it is closed
}

// started keeps the process's input open until this process ends.
var started []*input

// start starts the servers in a child process, which ends with this one.
func start(docs int) (*input, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+serverRole, docsEnv+"="+strconv.Itoa(docs))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	in := &input{docs: docs, stdin: stdin}
	started = append(started, in)
	lines := bufio.NewReader(stdout)
	for _, db := range []**mongo.Database{&in.quick, &in.slow} {
		uri, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("the server's process: %w", err)
		}
		client, err := mongo.Connect(options.Client().ApplyURI(strings.TrimSpace(uri)))
		if err != nil {
			return nil, err
		}
		if err := client.Ping(context.Background(), nil); err != nil {
			return nil, err
		}
		*db = client.Database("bench")
	}
	return in, nil
}
