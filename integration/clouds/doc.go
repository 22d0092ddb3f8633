// Package clouds holds the tests of backup/blobstore against servers of Google Cloud Storage and of
// Azure Blob Storage: fake-gcs-server in the process, and Azurite as a child process.
//
//	cd integration/clouds && GOWORK=off go test ./...
//
// It is a module outside go.work, because the drivers and servers of the clouds need newer versions
// of many modules than the other tests do.
//
// Without azurite-blob on the PATH (npm install azurite@3.37.0) its test is skipped.
package clouds
