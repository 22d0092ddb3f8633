package main

import (
	"io"
	"net/http"
	"time"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
	"github.com/millweir/millweir/bench/internal/report"
)

// The far server answers each request after a latency, and limits the bytes of each connection.
const (
	latency = 10 * time.Millisecond
	farRate = 100e6 // bytes per second
)

// far compares transfers by several requests at a time with the least time that they can take.
func far(s *servers) []report.Case {
	about := ", 4 parts at a time; 10 ms a request, 100 MB/s a connection"
	ideal := report.Peer{
		Name: "what latency and bandwidth allow", Work: takes(s.size, leastTime(s.size)), Bar: report.Bar{Least: 0.9},
	}
	return []report.Case{
		{
			Name: "download-far", About: "one object" + about, Unit: "byte", Units: s.size, Want: int64(s.size),
			By:   report.Wall,
			Ours: report.Peer{Name: "millweir s3source.Download", Run: transfers.DownloadRanges(s.far)},
			Peers: []report.Peer{
				ideal,
				{Name: "transfermanager.GetObject", Run: transfers.TransferGet(s.far)},
			},
		},
		{
			Name: "upload-far", About: "one object" + about, Unit: "byte", Units: s.size, Want: int64(s.size),
			By:   report.Wall,
			Ours: report.Peer{Name: "millweir s3sink.Upload", Run: transfers.Upload(s.far, s.size)},
			Peers: []report.Peer{
				ideal,
				{Name: "manager.Uploader", Run: transfers.ManagerUpload(s.far, s.size)},
			},
		},
	}
}

// leastTime returns the time of all parts, transfers.Parallelism at a time.
func leastTime(size int) time.Duration {
	onePart := latency + time.Duration(transfers.PartSize/farRate*float64(time.Second))
	return time.Duration(float64(size) / (transfers.Parallelism * transfers.PartSize) * float64(onePart))
}

// takes returns work that took the given time.
func takes(units int, wall time.Duration) report.Work {
	return func(reps int) (report.Sample, error) {
		return report.Sample{Units: reps * units, Wall: time.Duration(reps) * wall, Allocs: -1}, nil
	}
}

// slowly returns h behind a latency, with limited connections. A client uses a connection for one
// request at a time, so the limit is that of a request.
func slowly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now().Add(latency) // a sleep that ends late does not slow the connection
		time.Sleep(latency)
		r.Body = &pacedBody{r.Body, pacer{begin: begin}}
		h.ServeHTTP(&pacedWriter{w, pacer{begin: begin}}, r)
	})
}

// pacer waits so that no more than farRate bytes a second pass.
type pacer struct {
	begin time.Time
	bytes float64
}

func (p *pacer) wait(n int) {
	p.bytes += float64(n)
	time.Sleep(time.Until(p.begin.Add(time.Duration(p.bytes / farRate * float64(time.Second)))))
}

// pace is the number of bytes that pass at a time.
const pace = 256 << 10

type pacedBody struct {
	io.ReadCloser
	pacer
}

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), pace)])
	b.wait(n)
	return n, err
}

type pacedWriter struct {
	http.ResponseWriter
	pacer
}

func (w *pacedWriter) Write(p []byte) (done int, err error) {
	for done < len(p) && err == nil {
		var n int
		n, err = w.ResponseWriter.Write(p[done:min(len(p), done+pace)])
		w.wait(n)
		done += n
	}
	return done, err
}
