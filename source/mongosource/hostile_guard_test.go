package mongosource_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The compressors of OP_COMPRESSED.
const (
	bySnappy = 1
	byZlib   = 2
	byZstd   = 3
)

func snappyPack(p []byte) []byte { return snappy.Encode(nil, p) }

func zlibPack(p []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(p) // to memory
	_ = w.Close()
	return b.Bytes()
}

func zstdPack(p []byte) []byte {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return e.EncodeAll(p, nil)
}

var packers = map[byte]func([]byte) []byte{bySnappy: snappyPack, byZlib: zlibPack, byZstd: zstdPack}

// compressed returns an OP_COMPRESSED in place of m. Its body is packed. It claims to contain a
// message of this kind with size bytes.
func compressed(m []byte, kind uint32, compressor byte, packed []byte, size int) []byte {
	out := bytes.Clone(m[:12])
	out = binary.LittleEndian.AppendUint32(out, 2012)
	out = binary.LittleEndian.AppendUint32(out, kind)
	out = binary.LittleEndian.AppendUint32(out, uint32(size))
	out = append(append(out, compressor), packed...)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	return out
}

// lying returns a wire function that compresses the message, and overstates its size by more bytes.
func lying(compressor byte, more int) func([]byte) []byte {
	return func(m []byte) []byte {
		return compressed(m, 2013, compressor, packers[compressor](m[16:]), len(m)-16+more)
	}
}

// bomb returns a wire function that sends size zero bytes, compressed, and claims a size of said
// bytes.
func bomb(compressor byte, size, said int) func([]byte) []byte {
	return func(m []byte) []byte {
		return compressed(m, 2013, compressor, packers[compressor](make([]byte, size)), said)
	}
}

// compressing makes the client of a test case offer compression, and guards it.
func compressing(o *options.ClientOptions) {
	mongosource.Guard(o.SetCompressors([]string{"snappy", "zlib", "zstd"}))
}

// TestHostileGuard has a guarded client refuse messages that would harm the driver.
func TestHostileGuard(t *testing.T) {
	bad := hostile.Is(mongosource.ErrBadReply)
	guarded := func(name, command string, wire func([]byte) []byte, want func(error) bool) hostile.Row {
		return wired("guarded: "+name, command, wire, want, guarding)
	}
	unpacked := func(name string, wire func([]byte) []byte) hostile.Row {
		return wired("guarded, with compression: "+name, "find", wire, bad, compressing)
	}
	clusterTime := bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}}
	large := func(r hostile.Row, memory int64) hostile.Row {
		r.MaxMemory = memory
		return r
	}
	deep := guarded("a document of 5 million levels", "find", func(m []byte) []byte {
		return withBody(nested(5_000_000))(m)
	}, bad)
	rows := []hostile.Row{
		guarded("a compressed reply that nobody asked for", "find", bomb(byZstd, 1<<20, 1<<30), bad),
		guarded("a sound compressed reply that nobody asked for", "find", lying(byZlib, 0), bad),
		guarded("a length of 2 GiB", "find", sized(1<<31-1), bad),
		guarded("a length of 48,016,385", "find", sized(48_016_385), bad),
		guarded("a negative length", "find", sized(1<<32-1), bad),
		guarded("a length of 0", "find", sized(0), bad),
		guarded("a length of 15", "getMore", sized(15), bad),
		guarded("a length of 17", "find", sized(17), bad),
		guarded("a reply to another request", "find", func(m []byte) []byte { m[8]++; return m }, bad),
		guarded("a reply to no request", "getMore", func(m []byte) []byte {
			copy(m[8:12], "\x00\x00\x00\x00")
			return m
		}, bad),
		guarded("a message of another kind", "find", func(m []byte) []byte { m[12]++; return m }, bad),
		guarded("a reply that says that more come", "find", func(m []byte) []byte { m[16] |= 2; return m }, bad),
		guarded("a cluster time that is a text", "find",
			withBody(hostileDoc(found(cursorOf(int64(77), "firstBatch", bson.A{}), clusterTime))), bad),
		guarded("a first batch without a cursor id", "find",
			withBody(hostileDoc(found(bson.D{
				{Key: "ns", Value: "shop.cookies"},
				{Key: "firstBatch", Value: bson.A{}},
			}))), bad),
		guarded("a document of random bytes", "find", withBody(bson.Raw(strings.Repeat("\xa5", 4<<10))), bad),
		large(deep, 384<<20), // includes the server's own copies of 35 MiB
		unpacked("256 MiB of zstd that say so", bomb(byZstd, 1<<20, 256<<20)),
		// The limits include the server's own 96 MiB, and its encoder's.
		large(unpacked("96 MiB of zstd that say 100 bytes", bomb(byZstd, 96<<20, 100)), 384<<20),
		large(unpacked("96 MiB of zlib that say 100 bytes", bomb(byZlib, 96<<20, 100)), 384<<20),
		large(unpacked("96 MiB of snappy that say 100 bytes", bomb(bySnappy, 96<<20, 100)), 384<<20),
		large(unpacked("96 MiB of zlib that say so", bomb(byZlib, 96<<20, 96<<20)), 384<<20),
		unpacked("snappy that says 2 GiB inside", func(m []byte) []byte {
			return compressed(m, 2013, bySnappy, []byte("\xff\xff\xff\xff\x07\x00"), 1<<20)
		}),
		unpacked("zlib that is one byte longer than it says", lying(byZlib, -1)),
		unpacked("zlib that is one byte shorter than it says", lying(byZlib, 1)),
		unpacked("zstd that is one byte longer than it says", lying(byZstd, -1)),
		unpacked("snappy that is one byte shorter than it says", lying(bySnappy, 1)),
		unpacked("a negative size", lying(byZlib, -1<<30)),
		unpacked("a compressed message in a compressed one", func(m []byte) []byte {
			inner := compressed(m, 2013, byZlib, zlibPack(m[16:]), len(m)-16)[16:]
			return compressed(m, 2012, byZlib, zlibPack(inner), len(inner))
		}),
		unpacked("no compressor", func(m []byte) []byte { return sized(24)(compressed(m, 2013, byZlib, nil, 0)[:24]) }),
		unpacked("an empty body", func(m []byte) []byte { return compressed(m, 2013, byZlib, nil, 0) }),
		unpacked("another compressor", func(m []byte) []byte { return compressed(m, 2013, 9, m[16:], len(m)-16) }),
		faulty("guarded: a reply that never ends", truncated, hostile.Is(mongosource.ErrMaxTime), guarding),
		faulty("guarded: a cut reply", mongotest.Fault{Command: "getMore", Cut: 50}, hostile.Class(stream.Retryable),
			guarding),
		greeted("guarded: a cluster time that is a text", hostileDoc(bson.D{
			{Key: "ok", Value: 1},
			{Key: "isWritablePrimary", Value: true},
			{Key: "maxWireVersion", Value: 25},
			clusterTime,
		}), guarding),
		greeted("guarded: an empty greeting", hostileDoc(bson.D{}), guarding),
		large(greeted("guarded: a greeting of 100,000 levels", nested(100_000), guarding), 256<<20),
	}
	hostile.Table(t, rows)
}
