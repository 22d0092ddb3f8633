// Package servers starts real servers for tests, and stops them again.
//
//	s := servers.SecantusDB(t)          // a server of this test alone, which it may kill
//	coll := s.Database(t).Collection("c")
//
//	v := servers.Shared.Versitygw(t)    // one for all tests of the binary: see [Main]
//	bucket := v.Bucket(t)
//
// Each server is a child process (FerretDB: a goroutine) with a directory and a loopback port of
// its own. It answers when its function returns; it is asked to stop when the test ends, killed
// when it does not, and killed with the test's process. Its log is shown when the test failed.
//
// A server is found by its environment variable, which holds the path of the program, or on the
// PATH:
//
//	SECANTUSD_RS   secantusd-rs   SecantusDB: MongoDB's protocol over MongoDB's storage engine
//	VERSITYGW      versitygw      S3 over a directory
//	MINIO          minio          S3, with server-side encryption
//
// Where it is absent the test is skipped, and says how to get it; with CI=true that is a failure.
package servers
