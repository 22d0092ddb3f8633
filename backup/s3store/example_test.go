package s3store_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func Example() {
	server := s3test.New(nil) // in place of a real service
	defer server.Close()
	server.CreateBucket("backups")
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
	})

	ctx := context.Background()
	store := s3store.New(client, "backups", "shop", nil)
	if err := store.Check(ctx); err != nil {
		log.Fatal(err)
	}
	for _, content := range []string{"first", "second"} {
		object, err := stream.Run(ctx, source.Of([]byte(content)), store.Put("data/orders", nil))
		fmt.Println(object.Size, err)
	}
	objects, err := stream.Run(ctx, store.List("data/"), sink.Slice[backup.Object]())
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range objects {
		fmt.Println(o.Key, o.Size)
	}
	// Output:
	// 5 <nil>
	// 0 s3store: put data/orders: the key already has an object
	// data/orders 5
}
