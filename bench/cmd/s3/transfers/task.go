package transfers

import "fmt"

// Task is one transfer in a process of its own.
type Task struct {
	Name        string // of a transfer in Run
	Size        int    // bytes
	URL         string
	Certificate []byte // of the server
}

// Run does the transfer and returns its size.
func (t Task) Run() (int64, error) {
	trust, err := Trust(t.Certificate)
	if err != nil {
		return 0, err
	}
	c := Client(t.URL, trust)
	run, ok := map[string]func() (int64, error){
		"download":                     DownloadRanges(c),
		"transfermanager.GetObject":    TransferGet(c),
		"upload":                       Upload(c, t.Size),
		"manager.Uploader":             ManagerUpload(c, t.Size),
		"transfermanager.UploadObject": TransferUpload(c, t.Size),
	}[t.Name]
	if !ok {
		return 0, fmt.Errorf("no transfer has the name %q", t.Name)
	}
	return run()
}
