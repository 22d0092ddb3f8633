package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The server fails now and then. All orders of two pages arrive, except two that the server cannot
// supply.
func TestOrders(t *testing.T) {
	tries := map[string]int{} // the program makes requests for pages one at a time
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/orders", func(w http.ResponseWriter, r *http.Request) {
		page := r.FormValue("page")
		tries[page]++
		switch {
		case tries[page] == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case page == "":
			const page = `{"orders": ["%[1]s/orders/1", "%[1]s/orders/gone"], "next": "%[1]s/orders?page=2"}`
			fmt.Fprintf(w, page, server.URL)
		default:
			const page = `{"orders": ["%[1]s/orders/bad", "%[1]s/orders/2"]}`
			fmt.Fprintf(w, page, server.URL)
		}
	})
	mux.HandleFunc("/orders/1", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{\n \"id\": 1\n}\n") })
	mux.HandleFunc("/orders/2", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id": 2}`) })
	mux.HandleFunc("/orders/bad", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) })

	output := filepath.Join(t.TempDir(), "orders.jsonl")
	var out strings.Builder
	if err := run(t.Context(), server.Client(), []string{server.URL + "/orders", output}, &out); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(output); string(got) != "{\"id\":1}\n{\"id\":2}\n" {
		t.Errorf("the orders are %q, %v", got, err)
	}
	dead, err := os.ReadFile(output + ".dead")
	lines := strings.Split(strings.TrimSuffix(string(dead), "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "404 Not Found") || !strings.Contains(lines[1], "not JSON") ||
		!strings.Contains(lines[1], `"element":"`+server.URL+`/orders/bad"`) {
		t.Errorf("the dead letters are %q, %v", dead, err)
	}
	if want := fmt.Sprintf("%s: 18 bytes; skipped: 2 orders, see %[1]s.dead\n", output); out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

// handler is a transport without a network, so that a test can use a fake clock.
type handler http.HandlerFunc

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	reply := httptest.NewRecorder()
	h(reply, r)
	return reply.Result(), nil
}

// After the first 10 requests, at most 10 a second follow, and the program obeys Retry-After.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		requests := 0
		const pages = 50
		shop := handler(func(w http.ResponseWriter, r *http.Request) {
			if requests++; requests == pages {
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			next := fmt.Sprintf("http://shop/%d", requests)
			if requests > pages {
				next = ""
			}
			fmt.Fprintf(w, `{"orders": [], "next": %q}`, next)
		})
		args := []string{"http://shop/", filepath.Join(t.TempDir(), "orders.jsonl")}
		if err := run(t.Context(), &http.Client{Transport: shop}, args, new(strings.Builder)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); requests != pages+1 || took < 63*time.Second || took > 90*time.Second {
			t.Errorf("%d requests took %v", requests, took)
		}
	})
}

// A failed run says why, and leaves no file.
func TestFailures(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"http://shop/forbidden", `GET "http://shop/forbidden": 403 Forbidden`},
		{"http://shop/broken", "500 Internal Server Error"}, // tried 11 times
		{"http://shop/missing", "404 Not Found"},
		{"http://shop/text", `"http://shop/text": the reply is not JSON`},
		{"http://shop/other", `"http://shop/other" is not a page of orders`},
		{"http://shop/loop", `"http://shop/loop" is its own next page`},
		{"http://shop/refused", `GET "http://shop/forbidden": 403 Forbidden`},
		{"http://shop/manygone", "too many"},
		{"shop", "shop"},
	} {
		synctest.Test(t, func(t *testing.T) {
			shop := handler(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/forbidden":
					w.WriteHeader(http.StatusForbidden)
				case "/broken":
					w.WriteHeader(http.StatusInternalServerError)
				case "/text":
					fmt.Fprint(w, "text")
				case "/other":
					fmt.Fprint(w, `{"error": "try later"}`)
				case "/loop":
					fmt.Fprint(w, `{"orders": [], "next": "http://shop/loop"}`)
				case "/refused":
					fmt.Fprint(w, `{"orders": ["http://shop/forbidden"]}`)
				case "/manygone":
					fmt.Fprintf(w, `{"orders": ["http://shop/0"%s]}`, strings.Repeat(`, "http://shop/1"`, 100))
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			})
			folder := t.TempDir()
			var out strings.Builder
			args := []string{test.url, filepath.Join(folder, "orders.jsonl")}
			err := run(t.Context(), &http.Client{Transport: shop}, args, &out)
			if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
				t.Errorf("%s: error %v, want %s; it says %q", test.url, err, test.want, out.String())
			}
			if all, _ := os.ReadDir(folder); len(all) != 0 {
				t.Errorf("%s: %d files are left", test.url, len(all))
			}
		})
	}
}
