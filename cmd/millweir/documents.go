package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func (a *app) documents() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var from, to idFlag
	var limit int
	var relaxed bool
	cmd := &cobra.Command{
		Use:   "documents REPO BACKUP NAMESPACE",
		Short: "Print documents of a backup as JSON",
		Long: `documents prints the documents of one collection in the order of their _id, one line of Extended JSON each. Only the
segments that are needed are fetched. Each is verified before its documents are printed. BACKUP is a name or latest.`,
		Example: `  millweir documents ./repo latest shop.orders --identity me.txt --from 1000 --limit 10
  millweir documents ./repo latest shop.people --identity me.txt --from '"a"' --to '"b"' | jq .`,
		Args: a.takesRepo(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, rest := a.repoAndRest(args)
			if len(rest) < 2 {
				return cli.Usagef("documents needs BACKUP (latest is the newest) and NAMESPACE, such as shop.orders")
			}
			database, collection, dotted := strings.Cut(rest[1], ".")
			if !dotted || limit < 0 {
				return cli.Usagef("documents needs a NAMESPACE such as shop.orders, and a --limit that is not negative")
			}
			opts := &backup.DocumentsOptions{VerifyFirst: true, From: from.bound(), To: to.bound()}
			v, at, _, err := a.view(cmd, args, &store, &keys)
			if err != nil {
				return err
			}
			docs := v.Documents(mongosource.Namespace{Database: database, Collection: collection}, opts)
			if limit > 0 {
				docs = stream.Via(docs, stream.Take[bson.Raw](limit))
			}
			return a.explain(at, a.printDocuments(cmd.Context(), docs, relaxed))
		},
	}
	keys.bindReader(cmd.Flags())
	flags := cmd.Flags()
	flags.Var(&from, "from", "print from this `_ID` on, in Extended JSON: 7, '\"a\"', '{\"$oid\": \"…\"}'")
	flags.Var(&to, "to", "print up to this `_ID`, without it")
	flags.IntVar(&limit, "limit", 0, "print at most `N` documents (default: all)")
	flags.BoolVar(&relaxed, "relaxed", false, "print plain numbers and readable dates")
	store.bind(flags)
	return cmd
}

// printDocuments writes documents as lines of JSON.
func (a *app) printDocuments(ctx context.Context, docs stream.Source[bson.Raw], relaxed bool) error {
	lines := stream.Via(docs, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Relaxed: relaxed, Parallelism: -1}))
	_, err := stream.Run(ctx, lines, sink.Writer(a.out))
	return err
}
