package s3test_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/millweir/millweir/s3test"
)

func ExampleServer_Fault() {
	server := s3test.New(nil)
	defer server.Close()
	server.CreateBucket("backups")
	server.Fault(s3test.Fault{Op: "PutObject", Skip: 1, Before: s3test.Fail(503, "SlowDown")})

	for range 3 {
		req, err := http.NewRequest(http.MethodPut, server.URL+"/backups/a", strings.NewReader("text"))
		if err != nil {
			fmt.Println(err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	fmt.Println(string(server.Object("backups", "a").Body), server.Count("PutObject"))
	// Output:
	// 200
	// 503
	// 200
	// text 3
}
