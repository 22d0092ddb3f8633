// Package millweir is the map of a library of composable, typed stream stages and of the backup
// layer built on them. It carries data from MongoDB through JSON, compression and encryption into
// S3, and back, in bounded memory.
//
//	body := stream.Via3(mongosource.Find(cookies, bson.D{}, nil),
//		bsoncodec.ExtJSON(nil),
//		codec.Gzip(nil),
//		agecodec.Encrypt(recipient),
//	)
//	object, err := stream.Run(ctx, body,
//		s3sink.Upload(client, "backups", "cookies.jsonl.gz.age", nil))
//
// Begin with package stream: it defines the words, the contract and the operators.
//
//   - [github.com/millweir/millweir/stream]: sources, flows, sinks, operators, and the run.
//   - [github.com/millweir/millweir/stream/streamtest]: suites that check a stage, ours or yours,
//     against the contract.
//   - [github.com/millweir/millweir/source], [github.com/millweir/millweir/sink]: ends of a
//     pipeline that need no server.
//   - [github.com/millweir/millweir/codec]: compression, framing, JSON of any type, limits, and
//     adapters for any reader or writer.
//   - [github.com/millweir/millweir/codec/bsoncodec]: BSON to MongoDB Extended JSON and back, byte
//     for byte.
//   - [github.com/millweir/millweir/codec/agecodec]: age encryption.
//   - [github.com/millweir/millweir/source/mongosource],
//     [github.com/millweir/millweir/sink/mongosink]: MongoDB.
//   - [github.com/millweir/millweir/source/s3source], [github.com/millweir/millweir/sink/s3sink]:
//     S3.
//   - github.com/millweir/millweir/backup/blobstore, a separate module: repositories of backups in
//     Google Cloud Storage and Azure.
//   - github.com/millweir/millweir/stream/otelstream, a separate module: a pipeline's counts and
//     times for OpenTelemetry.
//
// For tests of your own pipelines, [github.com/millweir/millweir/mongotest] and
// [github.com/millweir/millweir/s3test] are servers inside the process that fail on
// demand.
//
// Each package depends on what its job needs and on no other connector, so a program compiles only
// what it uses. The table in README.md lists the dependencies.
package millweir
