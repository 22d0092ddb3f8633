package s3retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/internal/s3retry"
)

// TestSleep checks that Sleep waits for the given time, or until the context is done.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if !s3retry.Sleep(t.Context(), time.Hour) || time.Since(begin) != time.Hour {
			t.Errorf("Sleep took %v, want 1h", time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin = time.Now()
		if s3retry.Sleep(ctx, time.Hour) || time.Since(begin) != time.Minute {
			t.Errorf("Sleep took %v, want 1m, when the context was done", time.Since(begin))
		}
	})
}
