// Package integration holds the tests of millweir against real servers and independent tools.
// Package servers starts them.
//
//	PATH="$(.ci/servers):$PATH" go test ./integration/...
//
// The programs of the examples are built by the tests, which go test does not see: -count=1 runs
// them again after a change there.
//
// A test whose server or tool is absent is skipped, and says how to get it; with CI=true it fails.
package integration
