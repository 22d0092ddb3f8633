package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// refusal is a mistake of an operator, and the words of the program's error.
type refusal struct {
	name string
	env  []string
	args []string
	code int
	says []string
}

// check runs a program that must fail with one message and no secret. It must store nothing and
// insert nothing.
func (r *refusal) check(t *testing.T, w *world, command func(...string) []string) {
	t.Helper()
	stored, inserted := w.storage.Count("PutObject"), len(w.srv.Commands("insert", "create", "renameCollection"))
	w.with(r.env...).fails(t, r.code, append(r.says, "millweir: "), command(r.args...)...)
	if n := w.storage.Count("PutObject"); n != stored {
		t.Errorf("%d objects were stored", n-stored)
	}
	if n := len(w.srv.Commands("insert", "create", "renameCollection")); n != inserted {
		t.Errorf("%d commands that write", n-inserted)
	}
}

// file writes a text into a file of the world.
func (w *world) file(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Mistakes about a server are explained in one line by both directions, and nothing is done.
func TestServersRefused(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	w.must(t, w.backup()...)
	env := func(all ...string) []string { return all }
	uri := func(rest string) []string { return env("MONGODB_URI=mongodb://u:" + password + rest) }
	for _, c := range []refusal{
		{"no database server", uri("@127.0.0.1:1/?serverSelectionTimeoutMS=300"), nil, 1, []string{
			"no MongoDB server answers at 127.0.0.1:1", "start it",
		}},
		{"no database given", env("MONGODB_URI="), nil, 2, []string{"set MONGODB_URI", "--mongo-file"}},
		{"URI for a file", nil, []string{"--mongo-file", "mongodb://u:" + password + "@127.0.0.1/"}, 2, []string{
			"--mongo-file", "name of a file",
		}},
		{"no such URI file", nil, []string{"--mongo-file", "/no/such/file"}, 1, []string{
			"--mongo-file: the file cannot be opened",
		}},
		{"malformed URI", uri("/x@127.0.0.1:1/"), nil, 2, []string{
			"MONGODB_URI", "unescaped slash in password", "mongodb://[user:password@]host", "percent-encoded",
		}},
		{
			"malformed URI in a file", nil,
			[]string{
				"--mongo-file", w.file(t, "uri", "mongo://u:"+password+"@127.0.0.1/"),
			},
			2,
			[]string{"scheme must be"},
		},
		{"empty URI file", nil, []string{"--mongo-file", w.file(t, "empty", "\n")}, 2, []string{"is empty"}},
		{
			"no such host of Atlas", env("MONGODB_URI=mongodb+srv://u:" + password + "@c.millweir.invalid/"), nil, 1,
			[]string{"MONGODB_URI", "DNS", "c.millweir.invalid"},
		},
		{"no such CA file", uri("@127.0.0.1/?tls=true&tlsCAFile=/no/ca.pem"), nil, 1, []string{
			"MONGODB_URI", "open /no/ca.pem: no such file",
		}},
		{"wrong port", uri("@h:277777/"), nil, 2, []string{"MONGODB_URI: port must be in the range"}},
		{"port is no number", uri(""), nil, 2, []string{"MONGODB_URI: port must be an integer", "want mongodb"}},
		{"option without a value", uri("@h/?tls"), nil, 2, []string{"invalid option", "name=value"}},
		{"value of an option", uri("@h/?maxPoolSize=many"), nil, 2, []string{
			`invalid value for "maxPoolSize": "many"`,
		}},
		{"no replies from the database", env("MONGODB_URI=" + w.srv.URI() + "/?w=0"), nil, 2, []string{"w=0", "leave"}},
		{
			"wrong database password",
			env("MONGODB_URI=" + strings.Replace(w.srv.URI(), "://", "://u:"+password+"@", 1)), nil, 1,
			[]string{"refuses the user or the password"},
		},
		{"no S3 server", env("AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"), nil, 1, []string{
			"no S3 server answers at http://127.0.0.1:1", "refused",
		}},
		{"no URL of an S3 server", env("AWS_ENDPOINT_URL_S3=127.0.0.1:9000"), nil, 2, []string{
			"AWS_ENDPOINT_URL_S3", "127.0.0.1:9000", "want https://",
		}},
		{"no scheme of an S3 server", env("AWS_ENDPOINT_URL_S3=localhost:9000"), nil, 2, []string{
			"AWS_ENDPOINT_URL_S3", "want https://",
		}},
		{
			"password in the URL of an S3 server", env("AWS_ENDPOINT_URL_S3=http://u:" + password + "@127.0.0.1:1"),
			nil, 1,
			[]string{"no S3 server answers"},
		},
		{"no credentials", env("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="), nil, 1, []string{
			"no AWS credentials", "AWS_PROFILE",
		}},
		{"no such profile", env("AWS_PROFILE=nobody"), nil, 1, []string{"nobody"}},
		{"no region", env("AWS_ENDPOINT_URL_S3="), nil, 1, []string{"AWS_REGION"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.check(t, w, w.backup)
			c.check(t, w, w.restore)
		})
	}
}

// The codes of S3 are explained in one line.
func TestCodesOfS3(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	for code, says := range map[string]string{
		"SignatureDoesNotMatch": "refuses the AWS credentials",
		"InvalidAccessKeyId":    "refuses the AWS credentials",
		"ExpiredToken":          "refuses the AWS credentials",
		"NoSuchBucket":          "bucket backups does not exist",
		"RequestTimeTooSkewed":  "the clock of this machine is wrong",
		"PermanentRedirect":     "lies in another region: set AWS_REGION",
	} {
		t.Run(code, func(t *testing.T) {
			defer w.storage.ClearFaults()
			w.storage.Fault(s3test.Fault{Times: -1, Before: s3test.Fail(http.StatusForbidden, code)})
			c := refusal{code: 1, says: []string{says, code}}
			c.check(t, w, w.backup)
			c.check(t, w, w.restore)
		})
	}
	for repo, says := range map[string]string{
		"s3://a/b":       `"a"`, // too short
		"s3://":          "no bucket",
		"s3://B*d/x":     `"B*d"`,
		"s3://bakcups/x": "bucket bakcups does not exist",
		"s3://backups/" + strings.Repeat("k", 1025): "1024",
	} {
		code := 2
		if strings.Contains(says, "exist") {
			code = 1
		}
		w.fails(t, code, []string{says}, "list", repo)
	}
}

// The error for a user without rights names the missing ones.
func TestNotAllowed(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	w.must(t, w.backup()...)
	w.srv.Inject(mongotest.Fault{Command: "listDatabases", Code: 13, Text: "not authorized on admin"})
	w.srv.Inject(mongotest.Fault{Command: "listCollections", Code: 13, Text: "not authorized on admin"})
	for _, command := range []func(...string) []string{w.backup, w.restore} {
		w.fails(t, 1, []string{"the user may not do this: grant it", "not authorized on admin"}, command()...)
	}
}

// Mistakes in the flags of a backup.
func TestBackupRefused(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	for _, c := range []refusal{
		{"encoding", nil, []string{"--encoding", "pretty"}, 2, []string{`"pretty"`, "jsonl.gz"}},
		{"nothing in parallel", nil, []string{"--parallel", "0"}, 2, []string{`"0" for "--parallel"`}},
		{"negative parallelism", nil, []string{"--parallel", "-1"}, 2, []string{`"-1" for "--parallel"`}},
		{"parallelism is no number", nil, []string{"--parallel", "many"}, 2, []string{"--parallel"}},
		{"negative time of retries", nil, []string{"--retry", "-1s"}, 2, []string{"-retry -1s"}},
		{"negative protection", nil, []string{"--retain", "-1s"}, 2, []string{"--retain -1s"}},
		{"filter is no JSON", nil, []string{"--filter", `shop.orders={status: new}`}, 2, []string{"--filter"}},
		{"filter is two documents", nil, []string{"--filter", `shop.orders={} {}`}, 2, []string{"--filter"}},
		{"filter is null", nil, []string{"--filter", `shop.orders=null`}, 2, []string{"--filter"}},
		{"filter is no Extended JSON", nil, []string{"--filter", `shop.orders={"_id": {"$oid": "zz"}}`}, 2, []string{
			"--filter",
		}},
		{"no such collection", nil, []string{"--include", "shop.biscuits"}, 1, []string{"shop.biscuits", "--include"}},
		{"no signing key", nil, []string{"--signing-key", "/no/such/key"}, 1, []string{
			"--signing-key: the file cannot be opened",
		}},
		{"unknown flag", nil, []string{"--pasword", password}, 2, []string{"--pasword", "millweir backup -h"}},
		{"argument without a flag", nil, []string{password}, 2, []string{"1 argument"}},
		{"URI for another flag", nil, []string{"--parallel", "mongodb://u:" + password + "@127.0.0.1/"}, 2, []string{
			"--parallel",
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, w, w.backup) })
	}
	w.fails(t, 2, []string{"--filter", "operators: https://", "$nonsense", "no backup was made"},
		w.backup("--filter", `shop.orders={"$nonsense": 1}`)...)
	w.fails(t, 1, []string{"--allow-empty"}, w.backup("--filter", `shop.orders={"_id": "none"}`)...)
	if n := w.backups(t); n != 0 {
		t.Errorf("%d backups", n)
	}
}

// Mistakes in the flags and keys of a restore.
func TestRestoreRefused(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	w.must(t, w.backup()...)
	w.must(t, "keys", "generate", "--identity", "stranger.txt")
	own, err := os.ReadFile(filepath.Join(w.dir, "me.txt"))
	if err != nil {
		t.Fatal(err)
	}
	secret := string(own[strings.LastIndex(string(own), "AGE-SECRET-KEY"):])
	w.secrets = append(w.secrets, strings.TrimSpace(secret))
	for _, c := range []refusal{
		{"wrong key", nil, []string{"--identity", "stranger.txt"}, 1, []string{"--identity"}},
		{"no such identity", nil, []string{"--identity", "/no/such/key"}, 1, []string{
			"--identity: the file cannot be opened",
		}},
		{"text of an identity file", nil, []string{"--identity", "# created: now\n" + secret}, 2, []string{
			"name of a file",
		}},
		{"malformed identity", nil, []string{"--identity", w.file(t, "bad", secret+"X")}, 1, []string{
			"--identity", "line 2",
		}},
		{"server's database", nil, []string{"--rename", "shop.orders=admin.orders"}, 1, []string{
			"belongs to the server",
		}},
		{"nothing in parallel", nil, []string{"--parallel", "0"}, 2, []string{`"0" for "--parallel"`}},
		{"unknown flag", nil, []string{"--force"}, 2, []string{"--force", "millweir restore -h"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := w.restore
			if slices.Contains(c.args, "--rename") {
				command = func(more ...string) []string {
					return append([]string{"restore", w.repo, "--identity", "me.txt"}, more...)
				}
			}
			c.check(t, w, command)
		})
	}
}
