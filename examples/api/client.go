package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/millweir/millweir/stream"
)

// client makes requests. One limit applies to all of them.
type client struct {
	http    *http.Client
	limiter *stream.Limiter

	// get is getOnce with retries.
	get func(ctx context.Context, url string) ([]byte, error)
}

func newClient(to *http.Client) *client {
	c := &client{http: to, limiter: stream.NewLimiter(10, 10)}
	c.get = stream.Retry(c.getOnce, &stream.Backoff{MaxElapsed: 5 * time.Minute})
	return c
}

// getOnce returns the JSON value at url, on one line.
func (c *client) getOnce(ctx context.Context, url string) ([]byte, error) {
	if err := c.limiter.Wait(ctx, 1); err != nil { // each attempt counts
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(reply.Header.Get("Retry-After"))
		return nil, &statusError{url, reply.StatusCode, time.Duration(seconds) * time.Second}
	}
	const maxSize = 1 << 20 // a longer reply is cut, which makes it malformed
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxSize))
	if err != nil {
		return nil, stream.Mark(fmt.Errorf("GET %q: %w", url, err), stream.Retryable)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		return nil, stream.Mark(fmt.Errorf("GET %q: the reply is not JSON: %w", url, err), stream.Data)
	}
	return line.Bytes(), nil
}

// statusError is the error of a reply other than 200 OK. [stream.Retry] asks it how long to wait,
// and [stream.ClassOf] whether to try again.
type statusError struct {
	url    string
	status int
	wait   time.Duration
}

func (e *statusError) Error() string {
	return fmt.Sprintf("GET %q: %d %s", e.url, e.status, http.StatusText(e.status))
}

func (e *statusError) RetryAfter() time.Duration { return e.wait }

func (e *statusError) Class() stream.Class {
	switch {
	case e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable:
		return stream.Throttled
	case e.status >= http.StatusInternalServerError:
		return stream.Retryable
	case e.status == http.StatusNotFound || e.status == http.StatusGone:
		return stream.Data // concerns this order alone
	}
	return stream.Fatal
}

// page is one page of the list: the addresses of orders, and of the next page.
type page struct {
	Orders []string
	Next   string
}

// nextPage returns the page at url and the address of the one after it, until there is none.
func (c *client) nextPage(ctx context.Context, url string) (next string, p page, ok bool, err error) {
	if url == "" {
		return "", p, false, nil
	}
	body, err := c.get(ctx, url)
	if err != nil {
		return "", p, false, err
	}
	err = json.Unmarshal(body, &p)
	switch {
	case err != nil:
		err = fmt.Errorf("%q is not a page of orders: %w", url, err)
	case p.Orders == nil:
		err = fmt.Errorf("%q is not a page of orders: it has no list \"orders\"", url)
	case p.Next == url:
		err = fmt.Errorf("%q is its own next page", url)
	}
	return p.Next, p, true, err
}
