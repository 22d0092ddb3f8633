package codec_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/millweir/millweir/codec"
)

// TestCommands lets the programs of the system read our output and write our input.
func TestCommands(t *testing.T) {
	data := jsonText(1200 << 10)
	run := func(t *testing.T, in []byte, tool string, args ...string) []byte {
		t.Helper()
		cmd := exec.Command(tool, args...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v", tool, args, err)
		}
		return out
	}
	for _, c := range []struct {
		tool  string
		read  [][]string // arguments for decompressing
		write [][]string
		other bool // not available on every system: if it is missing, the test is skipped on CI too
		pack  func(n int) flow
		back  func(n int) flow
	}{
		{
			"gzip",
			[][]string{{"-dc"}, {"-t"}},
			[][]string{{"-c"}, {"-9c"}, {"-1c"}},
			false,
			func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
			func(n int) flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) },
		},
		{
			"pigz",
			[][]string{{"-dc"}, {"-t"}},
			[][]string{{"-c"}, {"-p4", "-b128", "-c"}, {"-p4", "-ic"}},
			true,
			func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
			func(n int) flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) },
		},
		{
			"pigz",
			[][]string{{"-dc"}, {"-t"}},
			[][]string{{"-zc"}},
			true,
			func(n int) flow { return codec.Zlib(&codec.DeflateOptions{Parallelism: n}) },
			func(n int) flow { return codec.Detect(nil) },
		},
		{
			"zstd",
			[][]string{{"-dc"}, {"-t"}},
			[][]string{{"-c"}, {"-9c"}, {"-T2", "-c"}, {"--long=27", "-c"}, {"--no-check", "-c"}, {"-B16384", "-c"}},
			false,
			func(n int) flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
			func(n int) flow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}) },
		},
	} {
		t.Run(c.tool, func(t *testing.T) {
			path, err := exec.LookPath(c.tool)
			switch {
			case err == nil:
			case os.Getenv("CI") == "true" && !c.other:
				t.Fatalf("%s is not on the PATH: install the package of that name", c.tool)
			default:
				t.Skipf("%s is not on the PATH: install the package of that name", c.tool)
			}
			for _, n := range []int{0, 1, 3} {
				for _, size := range []int{0, 1, len(data)} {
					z := must(t)(bytesThrough(c.pack(n), data[:size], 0))
					for _, args := range c.read {
						if got := run(t, z, path, args...); args[0] != "-t" && !bytes.Equal(got, data[:size]) {
							t.Errorf("by %d: %s reads %d bytes of %d", n, c.tool, len(got), size)
						}
					}
				}
				for _, args := range c.write {
					for _, size := range []int{0, 1, len(data)} {
						z := run(t, data[:size], path, args...)
						if got, err := bytesThrough(c.back(n), z, 50_000); err != nil ||
							!bytes.Equal(got, data[:size]) {
							t.Errorf("by %d: we read %d bytes of the %d that %s %q wrote, %v", n, len(got), size,
								c.tool, args, err)
						}
					}
				}
			}
		})
	}
}

// TestPythonReadsGzip lets Python read members with a header checksum.
func TestPythonReadsGzip(t *testing.T) {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not on the PATH: install the package of that name")
	}
	data := jsonText(1200 << 10)
	cmd := exec.Command(path, "-c",
		"import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))")
	cmd.Stdin = bytes.NewReader(must(t)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), data, 0)))
	if got, err := cmd.Output(); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
	}
}
