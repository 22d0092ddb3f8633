package s3sink_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/millweir/millweir/s3test"
)

var wholeMatrix = flag.Bool("matrix", false, "run the whole matrix of faults on every service, and many more pairs")

// times are how often a fault comes.
var times = []int{1, 2, always}

// TestMatrix uploads with every kind of fault at every place, once, twice and always. [cell.problem]
// says what no cell may do. With -v it prints the table of docs/reliability.md. Other services than
// Amazon S3 get a part of the cells, or all with -matrix.
func TestMatrix(t *testing.T) {
	marks := make([][]string, len(uploadFaults))
	cells := 0
	for _, service := range s3test.Services() {
		t.Run(service.String(), func(t *testing.T) {
			for i, fault := range uploadFaults {
				for j, place := range uploadPlaces {
					for k, n := range times {
						if service != s3test.AmazonS3 && !*wholeMatrix && (i+j+k+int(service))%16 != 0 {
							continue
						}
						cells++
						c := cell{service: service, place: place, faults: []placedFault{{place, fault, n}}}
						mark := c.run(t)
						if service == s3test.AmazonS3 {
							marks[i] = append(marks[i], mark)
						}
					}
				}
			}
		})
	}
	table := matrixTable(marks)
	t.Logf("%d cells\n%s", cells, table)
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte(table)) {
		t.Errorf("docs/reliability.md has another table; this is the right one:\n%s", table)
	}
}

// TestMatrixOneConnection uploads with every kind of fault at every place, by an HTTP client that
// allows one connection. No request of the upload may wait for a connection that another one holds.
func TestMatrixOneConnection(t *testing.T) {
	for _, fault := range uploadFaults {
		for _, place := range uploadPlaces {
			c := cell{
				service: s3test.AmazonS3, place: place, faults: []placedFault{{place, fault, 1}}, oneConnection: true,
			}
			c.run(t)
		}
	}
}

// matrixTable returns the table of docs/reliability.md.
func matrixTable(marks [][]string) string {
	var table strings.Builder
	fmt.Fprint(&table, "| fault |")
	for _, p := range uploadPlaces {
		fmt.Fprintf(&table, " %s |", p.name)
	}
	fmt.Fprint(&table, "\n|---"+strings.Repeat("|---", len(uploadPlaces))+"|\n")
	for i, f := range uploadFaults {
		fmt.Fprintf(&table, "| %s |", f.name)
		for j := range uploadPlaces {
			fmt.Fprintf(&table, " %s |", strings.Join(marks[i][len(times)*j:][:len(times)], " "))
		}
		fmt.Fprintln(&table)
	}
	return table.String()
}

// TestMatrixPairs uploads with two transient faults, each once, at random places of one upload.
func TestMatrixPairs(t *testing.T) {
	pairs := 300
	if *wholeMatrix {
		pairs = 20_000
	}
	random := rand.New(rand.NewChaCha8([32]byte{16})) //nolint:gosec // the same pairs in each run
	var transient []uploadFault
	for _, f := range uploadFaults {
		if !f.final {
			transient = append(transient, f)
		}
	}
	for range pairs {
		main := uploadPlaces[random.IntN(len(uploadPlaces))]
		c := cell{service: s3test.Services()[random.IntN(len(s3test.Services()))], place: main}
		for range 2 {
			place := uploadPlaces[random.IntN(len(uploadPlaces))]
			c.faults = append(c.faults, placedFault{place, transient[random.IntN(len(transient))], 1})
		}
		c.run(t)
	}
}
