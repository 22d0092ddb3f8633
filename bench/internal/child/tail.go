package child

import (
	"bytes"
	"sync"
)

// TailBuffer keeps the end of a process's output.
type TailBuffer struct {
	mu sync.Mutex
	b  []byte
}

const keepOutput = 8 << 10

// Write implements io.Writer.
func (o *TailBuffer) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, p...)
	o.b = o.b[max(0, len(o.b)-keepOutput):]
	return len(p), nil
}

// String returns the kept output.
func (o *TailBuffer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(o.b))
}
