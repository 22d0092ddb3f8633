// Package servers starts real servers for tests, and stops them again.
//
//	s := servers.SecantusDB(t)          // a server of this test, which it may kill
//	coll := s.Database(t).Collection("c")
//
//	v := servers.Shared.Versitygw(t)    // one for all tests of the binary: see [Main]
//	bucket := v.Bucket(t)
//
// Each server is a child process (FerretDB: a goroutine) with its own directory and loopback port.
// It answers when its function returns. When the test ends, the server is asked to stop, and killed
// if it does not. It never outlives the test's process. If the test fails, its log is shown.
//
// A server is found by its environment variable, which holds the path of the program, or on the
// PATH:
//
//	SECANTUSD_RS   secantusd-rs   SecantusDB: MongoDB's protocol over MongoDB's storage engine
//	VERSITYGW      versitygw      S3 over a directory
//	MINIO          minio          S3, with server-side encryption
//
// If it is absent, the test is skipped and says how to get it; with CI=true the test fails.
package servers
