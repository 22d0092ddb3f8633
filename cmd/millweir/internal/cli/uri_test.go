package cli

import (
	"strings"
	"testing"
)

// TestSecretsOfSettings checks the secrets that are found in URIs, endpoints and the environment,
// with and without their encoding.
func TestSecretsOfSettings(t *testing.T) {
	uri := func(uri string) func(s *secrets) { return func(s *secrets) { s.addURI(uri) } }
	endpoint := func(url string) func(s *secrets) { return func(s *secrets) { s.addEndpoint(url) } }
	environment := func(name, value string) func(s *secrets) {
		return func(s *secrets) {
			t.Setenv(name, value)
			s.addEnvironment()
		}
	}
	for name, c := range map[string]struct {
		add    func(s *secrets)
		hidden []string
	}{
		"user and password": {
			uri("mongodb://us3r-Name:p%40ss-Word1@h/"),
			[]string{"us3r-Name", "p%40ss-Word1", "p@ss-Word1"},
		},
		"an encoded user": {uri("mongodb://us%40r-Name1:p@h/"), []string{"us%40r-Name1", "us@r-Name1"}},
		"a badly encoded one": {
			uri("mongodb://u:first-Part1/second-Part2?third-Part3@h/"),
			[]string{"first-Part1", "second-Part2", "third-Part3"},
		},
		"a key's password": {
			uri("mongodb://h/?tlsCertificateKeyFilePassword=k3y-File%2FWord&appName=millweir"),
			[]string{"k3y-File%2FWord", "k3y-File/Word"},
		},
		"a token": {
			uri("mongodb://h/?authMechanismProperties=SERVICE_NAME:mongodb,AWS_SESSION_TOKEN:t0ken-Canary%2F1"),
			[]string{"t0ken-Canary/1"},
		},
		"an endpoint's user": {endpoint("https://us3r-Name:p4ss-Word1@h/"), []string{"us3r-Name", "p4ss-Word1"}},
		"an endpoint's query": {
			endpoint("https://h/?t0ken-Canary-2&x=c%2Fanary-Token3;y=0ther-Token-4"),
			[]string{"t0ken-Canary-2", "c%2Fanary-Token3", "c/anary-Token3", "0ther-Token-4"},
		},
		"MONGODB_URI": {environment("MONGODB_URI", "mongodb://u:p4ss-Word5@h/"), []string{"p4ss-Word5"}},
		"the endpoint": {
			environment("AWS_ENDPOINT_URL", "https://h/?t=t0ken-Canary-6"),
			[]string{"t0ken-Canary-6"},
		},
		"the endpoint of S3": {
			environment("AWS_ENDPOINT_URL_S3", "https://h/?t=t0ken-Canary-7"),
			[]string{"t0ken-Canary-7"},
		},
		"the secret key":       {environment("AWS_SECRET_ACCESS_KEY", "s3cret/Key-8"), []string{"s3cret/Key-8"}},
		"the token of session": {environment("AWS_SESSION_TOKEN", "t0ken-Canary-9"), []string{"t0ken-Canary-9"}},
	} {
		var s secrets
		c.add(&s)
		for _, secret := range c.hidden {
			if got := s.foreign("it is " + secret + " indeed"); got != "it is "+hidden+" indeed" {
				t.Errorf("%s: %s is shown as %s", name, secret, got)
			}
		}
		if got := s.foreign("millweir, SERVICE_NAME"); strings.Contains(got, hidden) {
			t.Errorf("%s: what is no secret is shown as %s", name, got)
		}
	}
}

// TestShownEndpoint checks that an endpoint is shown without user and query.
func TestShownEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://h:1/x":                "https://h:1/x",
		"https://u:p@h:1/x?token=y":    "https://h:1/x",
		"https://u:p@ss@h/?a=b@c?d":    "https://h/",
		"u:p@h":                        "h",
		"s3.example.com:9000?token=xy": "s3.example.com:9000",
	} {
		if got := shownEndpoint(endpoint); got != want {
			t.Errorf("%s is shown as %s, want %s", endpoint, got, want)
		}
	}
}
