// Package integration holds the tests of millweir against real servers and independent tools.
// Package servers starts them.
//
//	PATH="$(.ci/servers):$PATH" go test ./integration/...
//
// The tests build the programs of the examples. The test cache does not notice a change there: use
// -count=1 to run the tests again.
//
// The tests of the sources and sinks of MongoDB also run against the server that the environment
// variable MONGODB_URI names. With -v, the last lines say against what the tests ran. MILLWEIR_RAN
// names a file to which the same names are appended.
//
// A test whose server or tool is missing is skipped, and says how to install it. With CI=true it
// fails.
package integration
