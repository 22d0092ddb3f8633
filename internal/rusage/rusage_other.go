//go:build !unix && !windows

package rusage

import (
	"errors"
	"os"
	"time"
)

func cpu() (time.Duration, error) { return 0, errors.ErrUnsupported }

func peakRSS(*os.ProcessState) int64 { return 0 }
