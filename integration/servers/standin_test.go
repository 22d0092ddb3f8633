package servers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/millweir/millweir/integration/servers"
)

func TestStandIn(t *testing.T) {
	addr, err := servers.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	s := servers.NewStandIn(t, addr)
	sent := make(chan error)
	go func() {
		for range 3 {
			resp, err := http.Post("http://"+addr+"/k", "", strings.NewReader("a body"))
			if err == nil {
				resp.Body.Close()
			}
			sent <- err
		}
		close(sent)
	}()
	n := 0
	go s.Await(t, "the third request", func(r *http.Request) bool { n++; return n == 3 && r.URL.Path == "/k" })
	for err := range sent {
		if err == nil {
			t.Error("a request got a reply")
		}
	}
	s.Close()
	s.Close()
	again := servers.NewStandIn(t, addr) // the address is free
	again.Close()
}
