package main

import (
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
	"github.com/millweir/millweir/bench/internal/report"
)

// downloads reads one object to its end. Ours verifies its checksum; the loop does not.
func downloads(s *servers) []report.Case {
	var all []report.Case
	for _, c := range []struct {
		scheme string
		client *s3.Client
	}{{"http", s.http}, {"https", s.https}} {
		all = append(all, report.Case{
			Name: "download-" + c.scheme, About: "one object over " + c.scheme + ", into a writer that counts",
			Unit: "byte", Units: s.size, Want: int64(s.size),
			Ours: report.Peer{Name: "millweir s3source.Download, verified", Run: transfers.Download(c.client, nil)},
			Peers: []report.Peer{
				{
					Name: "GetObject and io.Copy, not verified", Run: transfers.GetObject(c.client),
					Bar: report.Bar{Least: 1},
				},
				{
					Name: "transfermanager.GetObject, 4 ranges at a time", Run: transfers.TransferGet(c.client),
					Bar: report.Bar{Least: 20},
				},
				{Name: "millweir, 4 ranges at a time, verified", Run: transfers.DownloadRanges(c.client)},
			},
		})
	}
	return all
}
