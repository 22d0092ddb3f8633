// Package streamtest checks that a source, a flow or a sink keeps the contract of package stream.
//
//	func TestGzip(t *testing.T) {
//		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
//			New: func() stream.Flow[[]byte, []byte] { return codec.Gzip(nil) },
//		})
//	}
package streamtest
