// Package mongotest is an in-process MongoDB server for tests. It keeps raw BSON in memory, byte
// for byte, and fails on request.
//
//	srv := mongotest.NewServer()
//	defer srv.Close()
//	srv.Add("shop", "cookies", docs...)
//	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 2, Close: true})
//	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
//
// # What it does
//
// It speaks the wire protocol as a replica set of one: OP_MSG, and OP_QUERY for the first greeting.
// It has the limits of a real server: documents of 16 MiB, messages of 48,000,000 bytes, batches of
// 100,000 documents, or fewer after [Server.LimitBatches], and 200 levels of documents. It supports
// the commands that read and write whole collections: find, getMore, killCursors, insert, update and
// delete (with retryable writes), count, aggregate for CountDocuments and of $match, create, collMod,
// drop, renameCollection, listCollections, listDatabases, createIndexes, dropIndexes, listIndexes,
// dropDatabase, killSessions, createUser, usersInfo, createRole, rolesInfo, replSetGetStatus and
// replSetGetConfig. It asks for no password. [Server.SetSecondaries] makes it say that it has
// secondaries.
//
// An update is a replacement, or has $set and $inc of top-level fields; it may upsert.
// [Server.Standalone] makes a server without retryable writes, [Server.ForgetRetries] one that
// forgets them.
//
// An insert changes documents as a real server does. It adds a missing _id in front, moves an _id
// that is not first, and replaces a top-level Timestamp(0, 0) by the server's time unless the
// command says bypassEmptyTsReplacement. It refuses a second _id, and an _id that is an array, a
// regular expression or undefined, or that has fields that begin with $. [Server.RefuseField]
// simulates an older server, [Server.IgnoreUnknownFields] one that ignores unknown fields.
//
// It is not a database. It supports
//   - in filters: values, $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $not, $exists, $type, $regex,
//     $and, $or, $nor, $expr and $jsonSchema, with paths through documents and arrays, and brackets of
//     types as on a real server;
//   - regular expressions that mean the same in Go, with the options i, m and s;
//   - in $jsonSchema: bsonType, type, required, properties, additionalProperties, enum, minimum,
//     maximum, lengths, items, allOf, anyOf, oneOf and not;
//   - in expressions: paths, $literal, comparisons, $and, $or and $not;
//   - sorts by any fields or by $natural, and projections that keep or drop fields, also by paths;
//   - the stages $match, $sort, $skip, $limit, $project, $sample, $bucketAuto, $count, $collStats,
//     and the $group of CountDocuments; splitVector on _id;
//   - snapshot reads at the time of any change, until [Server.ForgetSnapshots].
//
// It refuses everything else, with an error that names it, instead of ignoring it. Indexes have no
// effect except for uniqueness, so a hint has none, except for $natural. A read concern other than
// snapshot has none either. A view is read through its pipeline and cannot be written, a capped
// collection drops its oldest documents, and a validator refuses documents (121). The server keeps the
// other options of a collection and lists them, but they have no effect: a collation, a time series,
// expireAfterSeconds.
//
// A change stream of a collection, a database or the deployment returns the inserts, drops and
// renames since the first change stream of the server, and the events of [Server.AddChange]. It
// supports resumeAfter and startAfter, $match and $changeStreamSplitLargeEvent. [Server.KeepChanges]
// lets old changes leave the log, [Server.SkipLostChanges] hides that from streams, and
// [Server.LimitEvents] makes events too large.
//
// [Server.AddGenerated] adds a collection that is larger than memory, and [Server.Recognize] takes one in.
//
// A test inspects the server with [Server.Documents], [Server.Cursors] and [Server.Commands].
// [Server.Add] stores what no client could: damaged documents, or an _id twice.
//
// # Faults
//
// A [Fault] applies to every command of a name, or to the nth, or to those that a function chooses:
//
//	the command is not carried out
//	  Code, Text, Labels         the server replies with an error
//	  Close                      the server closes the connection
//	the command is carried out
//	  Lose                       the server closes the connection instead of replying
//	  Cut: n                     the server closes the connection after n bytes of the reply
//	  Most: n                    a batch is cut after n documents
//	  Reply                      another reply, valid or not
//	  Wire                       another message, including its header
//	  Hang                       the server sends nothing after the reply
//	  WriteErrors                some documents of an insert are refused
//	  WriteConcernError          the write concern of an insert is not met
//	and with any of them
//	  Delay                      the server waits before it handles the command
//	  Reset                      the connection is closed by RST instead of FIN
//
// [Server.Disconnect] closes all connections, [Server.ForgetCursors] loses the cursors as a restart
// does, and [Server.Close] stops the server even while it handles commands.
package mongotest
