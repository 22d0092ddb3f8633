// Command service is a web service that backs up and restores the database of a customer on request.
// Each customer has a database and a repository.
//
//	export MONGODB_URI='mongodb://localhost/'
//	go run ./examples/service -dir ./backups -identity me.txt -signing-key sign.key
//	curl -X POST localhost:8080/customers/shop/backups
//	curl localhost:8080/customers/shop/jobs/1
//	curl localhost:8080/customers/shop/jobs/1/events
//	curl localhost:8080/customers/shop/backups
//	curl -X POST 'localhost:8080/customers/shop/restores?backup=20261129t160000z-…&into=shop-restored'
//
// A service of your own also authenticates its customers, and keeps the identity elsewhere: only a
// restore needs it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/codec/agecodec"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	address := flag.String("listen", "localhost:8080", "the address to listen on")
	dir := flag.String("dir", "", "the directory with one repository for each customer")
	identity := flag.String("identity", "", "the file of the key that reads")
	signingKey := flag.String("signing-key", "", "the file of the key that signs")
	flag.Parse()
	keys, err := loadKeys(*identity, *signingKey)
	if err != nil {
		return err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(os.Getenv("MONGODB_URI")))
	if err != nil {
		return err
	}
	defer client.Disconnect(context.WithoutCancel(ctx)) //nolint:errcheck // only idle connections are left
	s := newService(ctx, client, func(ctx context.Context, customer string) (*backup.Repository, error) {
		return openOrInit(ctx, filepath.Join(*dir, customer), keys)
	})
	server := &http.Server{Addr: *address, Handler: s.handler(), ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		server.Close() //nolint:errcheck // ListenAndServe returns
	}()
	err = server.ListenAndServe()
	s.jobs.wait() // the context has canceled them
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// loadKeys reads the keys. The recipients are the public keys of the identities.
func loadKeys(identity, signingKey string) (keys backup.Keys, err error) {
	text, err := os.ReadFile(identity)
	if err != nil {
		return keys, err
	}
	if keys.Identities, err = agecodec.ParseIdentities(bytes.NewReader(text)); err != nil {
		return keys, err
	}
	for _, one := range keys.Identities {
		recipient, err := agecodec.RecipientOf(one)
		if err != nil {
			return keys, err
		}
		keys.Recipients = append(keys.Recipients, recipient)
	}
	if text, err = os.ReadFile(signingKey); err != nil {
		return keys, err
	}
	keys.Sign, err = signing.ParseKey(text, nil)
	return keys, err
}

// openOrInit opens the repository in a directory. It makes one that does not exist, and finishes
// one whose Init was interrupted.
func openOrInit(ctx context.Context, dir string, keys backup.Keys) (*backup.Repository, error) {
	const onlyOwner = 0o700
	if err := os.MkdirAll(dir, onlyOwner); err != nil {
		return nil, err
	}
	store := dirstore.New(dir, nil)
	repo, err := backup.Open(ctx, store, keys)
	for _, unmade := range []error{backup.ErrNoRepository, backup.ErrUnsigned, backup.ErrUnfinished} {
		if errors.Is(err, unmade) {
			return backup.Init(ctx, store, keys, nil)
		}
	}
	return repo, err
}
