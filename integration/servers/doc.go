// Package servers starts real servers for tests, and stops them again.
//
//	s := servers.SecantusDB(t)          // a server of this test, which it may kill
//	coll := s.Database(t).Collection("c")
//
//	v := servers.Shared.Versitygw(t)    // one for all tests of the binary: see [Main]
//	bucket := v.Bucket(t)
//
// Each server is a child process (FerretDB: a goroutine) with its own directory and loopback port.
// It accepts requests when its function returns. At the end of the test the server gets SIGTERM,
// and is killed if it does not stop. It never outlives the test's process. If the test fails, its
// log is shown.
//
// A server is found by its environment variable, which holds the path of the program, or on the
// PATH:
//
//	SECANTUSD_RS   secantusd-rs   SecantusDB: MongoDB's protocol over MongoDB's storage engine
//	VERSITYGW      versitygw      S3 over a directory
//	MINIO          minio          S3, with server-side encryption
//
// If it is missing, the test is skipped and says how to install it. With CI=true the test fails.
package servers
