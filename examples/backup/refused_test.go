package main_test

import (
	"strings"
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
)

func TestRefused(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Hide(password)
	w.Hide("canary-secret")
	w.Fill(t, "cookies", 10)
	if err := w.DB.CreateCollection(t.Context(), "hollow"); err != nil {
		t.Fatal(err)
	}
	env := func(s ...string) []string { return s }
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		says []string
	}{
		{
			"no database server", env("MONGODB_URI=mongodb://u:" + password +
				"@127.0.0.1:1/?serverSelectionTimeoutMS=300"), arguments(w), 1,
			[]string{"no MongoDB server answers at 127.0.0.1:1", "start it"},
		},
		{"no database given", env("MONGODB_URI="), arguments(w), 2, []string{"set MONGODB_URI"}},
		{"database given twice", nil, arguments(w, "-mongo", w.URI, "-mongo-file", "x"), 2, []string{"-mongo-file"}},
		{
			"URI for a file", nil, arguments(w, "-mongo-file", "mongodb://u:"+password+"@127.0.0.1/"), 2,
			[]string{"-mongo-file", "name of a file"},
		},
		{
			"no such URI file", nil, arguments(w, "-mongo-file", "/no/such/file"), 1,
			[]string{"-mongo-file: the file cannot be opened"},
		},
		{
			"malformed URI", env("MONGODB_URI=mongodb://u:" + password + "/x@127.0.0.1:1/"), arguments(w), 2,
			[]string{
				"MONGODB_URI", "unescaped slash in password", "mongodb://[user:password@]host",
				"percent-encoded",
			},
		},
		{
			"malformed URI in a file", nil,
			arguments(w, "-mongo-file", w.File(t, "mongo://u:"+password+"@127.0.0.1/")), 2,
			[]string{"scheme must be"},
		},
		{"empty URI file", nil, arguments(w, "-mongo-file", w.File(t, "\n")), 2, []string{"is empty"}},
		{
			"no such host of Atlas", env("MONGODB_URI=mongodb+srv://u:" + password + "@cluster0.millweir.invalid/"),
			arguments(w), 1,
			[]string{"MONGODB_URI", "DNS", "cluster0.millweir.invalid"},
		},
		{
			"no such CA file", env("MONGODB_URI=mongodb://u:" + password +
				"@127.0.0.1/?tls=true&tlsCAFile=/no/ca.pem"), arguments(w), 1,
			[]string{"MONGODB_URI", "open /no/ca.pem: no such file"},
		},
		{
			"wrong port", env("MONGODB_URI=mongodb://u:" + password + "@h:277777/"), arguments(w), 2,
			[]string{"MONGODB_URI: port must be in the range"},
		},
		{
			"port is no number", env("MONGODB_URI=mongodb://u:" + password), arguments(w), 2,
			[]string{"MONGODB_URI: port must be an integer", "want mongodb"},
		},
		{
			"option without a value", env("MONGODB_URI=mongodb://u:" + password + "@h/?tls"), arguments(w), 2,
			[]string{"invalid option", "name=value"},
		},
		{
			"value of an option", env("MONGODB_URI=mongodb://u:" + password + "@h/?maxPoolSize=many"), arguments(w), 2,
			[]string{`invalid value for "maxPoolSize": "many"`},
		},
		{
			"wrong database password", env("MONGODB_URI=" + strings.Replace(w.URI, "://", "://u:"+password+"@", 1)),
			arguments(w), 1,
			[]string{"refuses the user or the password"},
		},
		{
			"no collection", nil, arguments(w, "-collection", "biscuits"), 1,
			[]string{"no collection shop.biscuits", "-collection", "nothing was stored", "-allow-empty"},
		},
		{
			"empty collection", nil, arguments(w, "-collection", "hollow"), 1,
			[]string{"collection shop.hollow is empty", "nothing was stored", "-allow-empty"},
		},
		{
			"nothing matches", nil, arguments(w, "-filter", `{"_id": "none"}`), 1,
			[]string{"no document of shop.cookies matches -filter", "nothing was stored"},
		},
		{
			"filter of the server's dislike", nil, arguments(w, "-filter", `{"$nonsense": 1}`), 2,
			[]string{"$nonsense", "-filter", "operators: https://", "nothing was stored"},
		},
		{"filter is no JSON", nil, arguments(w, "-filter", `{status: new}`), 2, []string{"-filter", "JSON object"}},
		{"filter is two documents", nil, arguments(w, "-filter", `{} {}`), 2, []string{"-filter", "JSON object"}},
		{"filter is null", nil, arguments(w, "-filter", `null`), 2, []string{"-filter", "JSON object"}},
		{
			"filter is no Extended JSON", nil, arguments(w, "-filter", `{"_id": {"$oid": "zz"}}`), 2,
			[]string{"-filter", "Extended JSON"},
		},
		{
			"no S3 server", env("AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"), arguments(w), 1,
			[]string{"no S3 server answers at http://127.0.0.1:1", "refused"},
		},
		{
			"no URL of an S3 server", env("AWS_ENDPOINT_URL_S3=127.0.0.1:9000"), arguments(w), 2,
			[]string{"AWS_ENDPOINT_URL_S3", "127.0.0.1:9000", "want https://"},
		},
		{
			"no scheme of an S3 server", env("AWS_ENDPOINT_URL_S3=localhost:9000"), arguments(w), 2,
			[]string{"AWS_ENDPOINT_URL_S3", "want https://"},
		},
		{
			"password in the URL of an S3 server", env("AWS_ENDPOINT_URL_S3=http://u:" + password + "@127.0.0.1:1"),
			arguments(w), 1,
			[]string{"no S3 server answers"},
		},
		{"no name of a bucket", nil, arguments(w, "-bucket", "My_Bucket"), 1, []string{"-bucket"}},
		{
			"no name of any bucket", nil, arguments(w, "-bucket", "a/b"), 2,
			[]string{`-bucket "a/b"`, "lower-case letters"},
		},
		{"long key", nil, arguments(w, "-key", strings.Repeat("k", 1025)), 2, []string{"-key has 1025 bytes", "1024"}},
		{"name of a database", nil, arguments(w, "-db", "a.b"), 2, []string{"-db", "cannot be the name"}},
		{
			"name of a collection", nil, arguments(w, "-collection", ".b"), 2,
			[]string{"-collection", "cannot be the name"},
		},
		{
			"no bucket", nil, arguments(w, "-bucket", "bakcups"), 1,
			[]string{"bucket bakcups does not exist", "create it"},
		},
		{
			"wrong secret", env("AWS_SECRET_ACCESS_KEY=canary-secret"), arguments(w), 1,
			[]string{"refuses the AWS credentials", "AWS_SECRET_ACCESS_KEY"},
		},
		{"wrong access key", env("AWS_ACCESS_KEY_ID=NOBODY"), arguments(w), 1, []string{"refuses the AWS credentials"}},
		{
			"no credentials", env("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="), arguments(w), 1,
			[]string{"no AWS credentials", "AWS_PROFILE"},
		},
		{"no such profile", env("AWS_PROFILE=nobody"), arguments(w), 1, []string{"nobody"}},
		{"no region", env("AWS_ENDPOINT_URL_S3="), arguments(w), 1, []string{"AWS_REGION"}},
		{"nobody to encrypt to", nil, arguments(w)[:8], 2, []string{"-recipient", "-no-encryption"}},
		{"encrypted and not", nil, arguments(w, "-no-encryption"), 2, []string{"-no-encryption contradicts"}},
		{
			"malformed recipient", nil, arguments(w, "-recipient", "age1xyz"), 2,
			[]string{"-recipient number 2", "malformed"},
		},
		{
			"secret keys for a recipient", nil, arguments(w, "-recipient", "# my key\n"+w.Secret(t)), 2,
			[]string{"-recipient", "secret key"},
		},
		{
			"secret key for a recipient", nil, arguments(w, "-recipient", w.Secret(t)), 2,
			[]string{"-recipient", "secret key"},
		},
		{
			"secret key for a file", nil, arguments(w, "-identity", w.Secret(t)), 2,
			[]string{"-identity", "name of a file"},
		},
		{
			"text of an identity file", nil, arguments(w, "-identity", "# created: now\n"+w.Secret(t)), 2,
			[]string{"-identity", "name of a file"},
		},
		{
			"text of an identity file for recipients", nil,
			arguments(w, "-recipients-file", "# created: now\n"+w.Secret(t)), 2,
			[]string{"-recipients-file", "name of a file"},
		},
		{
			"no such identity", nil, arguments(w, "-identity", "/no/such/key"), 1,
			[]string{"-identity: the file cannot be opened"},
		},
		{
			"malformed identity", nil, arguments(w, "-identity", w.File(t, w.Secret(t)+"X")), 1,
			[]string{"-identity", "line 1"},
		},
		{
			"no such recipients", nil, arguments(w, "-recipients-file", "/no/such/file"), 1,
			[]string{"-recipients-file", "cannot be opened"},
		},
		{"unknown flag", nil, arguments(w, "-pasword", password), 2, []string{"-pasword", "backup -h"}},
		{
			"URI for another flag", nil, arguments(w, "-gzip-level", "mongodb://u:"+password+"@127.0.0.1/"), 2,
			[]string{"-gzip-level", "whole number"},
		},
		{"argument without a flag", nil, arguments(w, password), 2, []string{"1 argument"}},
		{"missing flags", nil, []string{"-db", "shop", "-bucket", "b"}, 2, []string{"missing -collection, -key"}},
		{"no flags", nil, nil, 2, []string{"missing -db, -collection, -bucket, -key"}},
		{"part size in words", nil, arguments(w, "-part-size", "big"), 2, []string{"-part-size", "8MiB"}},
		{"part size below 0", nil, arguments(w, "-part-size", "-8MiB"), 2, []string{"-part-size", "8MiB"}},
		{"part size too small", nil, arguments(w, "-part-size", "5242879"), 2, []string{"5242879", "5MiB to 5GiB"}},
		{"part size too large", nil, arguments(w, "-part-size", "6GiB"), 2, []string{"5MiB to 5GiB"}},
		{"no parallelism", nil, arguments(w, "-parallelism", "0"), 2, []string{"-parallelism 0"}},
		{"much parallelism", nil, arguments(w, "-parallelism", "10001"), 2, []string{"-parallelism 10001"}},
		{"gzip level", nil, arguments(w, "-gzip-level", "10"), 2, []string{"-gzip-level 10"}},
		{"JSON form", nil, arguments(w, "-json", "pretty"), 2, []string{`"pretty"`}},
		{"server-side encryption", nil, arguments(w, "-sse", "aws:kms:"), 2, []string{"-sse", "AES256"}},
		{
			"server-side encryption that is not done", nil, arguments(w, "-sse", "AES256"), 1,
			[]string{"-sse", "nothing was stored"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			exectest.OneLine(t, w.Run(t, c.env, "backup", c.args...), c.code, append(c.says, "backup: ")...)
			if got := w.Stored(t); got != "" {
				t.Errorf("the bucket has %s", got)
			}
		})
	}
}
