// Package mongotest is a MongoDB server for tests: it runs in the process, keeps raw BSON in memory, byte for byte, and fails as told.
//
//	srv := mongotest.NewServer()
//	defer srv.Close()
//	srv.Add("shop", "cookies", docs...)
//	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 2, Close: true})
//	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
//
// # What it does
//
// It speaks the wire protocol (OP_MSG, and OP_QUERY for the first greeting) as a replica set of one, and keeps a server's limits:
// documents of 16 MiB, messages of 48,000,000 bytes, batches of 100,000 documents (or fewer, [Server.LimitBatches]). It knows the commands that reading and
// writing whole collections takes: find, getMore, killCursors, insert (with retryable writes), count, aggregate for
// CountDocuments, create, drop, listCollections, listDatabases, dropDatabase.
//
// An insert changes documents as a server does: an _id that is missing is added in front, one that
// is not first is moved there, and a top-level Timestamp(0, 0) becomes the server's time, unless
// the command says bypassEmptyTsReplacement. An _id that is an array, a regular expression or
// undefined, or has fields that begin with $, is refused, and so is a second _id.
// [Server.RefuseField] and [Server.IgnoreUnknownFields] make it an older server, or one that
// ignores what it does not know.
//
// It is not a database: a filter may compare fields of the top level, for equality of their bytes,
// with $gt within a type, and with {$expr: {$gt: ["$field", {$literal: value}]}} across types; a
// sort may be by one field of the top level. There is no index but the uniqueness of _id, so that a
// hint has no effect. What it does not know it refuses, it does not ignore it.
//
// A test looks behind the protocol with [Server.Documents], [Server.Cursors] and [Server.Commands], and puts there what no
// client could with [Server.Add]: damaged documents, or an _id twice.
//
// # What can go wrong
//
// A [Fault] hits every command of a name, or the Nth:
//
//	the command is not carried out
//	  Code, Text, Labels         an error of the server
//	  Close                      the connection is closed
//	the command is carried out
//	  Lose                       the connection is closed in place of the reply
//	  Cut: n                     and after n bytes of it
//	  Reply                      another reply, sound or not
//	  Wire                       another message, header and all
//	  Hang                       nothing comes after it
//	  WriteErrors                some documents of an insert are refused
//	  WriteConcernError          an insert is not acknowledged as was asked
//	and with any of them
//	  Delay                      the server takes its time
//	  Reset                      closing is RST, not FIN
//
// Beside these, [Server.Disconnect] cuts all connections, [Server.ForgetCursors] loses the cursors as a restart does, and
// [Server.Close] ends the server in the middle of whatever it is at.
package mongotest
