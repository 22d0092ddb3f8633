package servers

import (
	"strings"
	"sync"
	"testing"
)

// logBuffer keeps the end of a server's output.
type logBuffer struct {
	mu   sync.Mutex
	b    []byte
	lost int // bytes cut off at the front
}

const (
	keepLog = 256 << 10 // bytes kept, at least
	showLog = 16 << 10  // bytes shown of a test that failed, at most
)

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if cut := len(l.b) - keepLog; cut > keepLog {
		l.b = append(l.b[:0], l.b[cut:]...)
		l.lost += cut
	}
	return len(p), nil
}

// String returns the kept output.
func (l *logBuffer) String() string { return l.since(0) }

// len returns how many bytes have been written.
func (l *logBuffer) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost + len(l.b)
}

// since returns the kept output after the first n bytes.
func (l *logBuffer) since(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b[max(0, min(n-l.lost, len(l.b))):])
}

// showWhenFailed logs what the server writes from now on, at the end of the test and only if it
// fails.
func (l *logBuffer) showWhenFailed(t testing.TB, name string) {
	from := l.len()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		text := l.since(from)
		if cut := len(text) - showLog; cut > 0 {
			text = "…" + text[cut:]
		}
		t.Logf("the log of %s:\n%s", name, strings.TrimSpace(text))
	})
}
