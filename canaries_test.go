package millweir_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// cage holds canaries: secrets that no text of the library may contain, each with the forms that it
// could take there.
type cage map[string][]string

// add puts a secret into the cage, as text and as the bytes that fmt, JSON or a log could write.
func (c cage) add(name string, secret []byte) {
	decimal := strings.Trim(fmt.Sprint(secret), "[]")
	c[name] = append(c[name], string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.StdEncoding.EncodeToString(secret), decimal, strings.ReplaceAll(decimal, " ", ","),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{"), "}"))
}

// addKey puts every run of at least 16 bytes inside a key into the cage.
func (c cage) addKey(name string, key any) { c.walk(name, reflect.ValueOf(key), 0) }

func (c cage) walk(name string, v reflect.Value, depth int) {
	if depth > 8 || !v.IsValid() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		c.walk(name, v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i).Name; !isPublic(field) {
				c.walk(name, v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Len() >= 16 {
			c.add(name, v.Bytes())
		}
	}
}

// isPublic reports whether a field of a key holds its public half.
func isPublic(field string) bool {
	field = strings.ToLower(field)
	return strings.Contains(field, "public") || strings.HasPrefix(field, "ourpub") || field == "pk" || field == "sshkey"
}

// check fails the test if a text contains a canary.
func (c cage) check(t *testing.T, where, text string) {
	t.Helper()
	for name, forms := range c {
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%s shows the %s", where, name)
				return
			}
		}
	}
}

// outer and inner hold a value as a user's own type does. fmt cannot call the methods of inner's
// value, because its field is not exported.
type outer struct{ Held any }

type inner struct{ held any }

// checkPrinted prints v by fmt, JSON and slog, alone and inside the types that a program may keep
// it in.
func (c cage) checkPrinted(t *testing.T, name string, v any) {
	t.Helper()
	for _, holder := range []any{
		v,
		[]any{v},
		map[string]any{"k": v},
		outer{v},
		&outer{v},
		inner{v},
		&inner{v},
		[]inner{{v}},
		map[string]inner{"k": {v}},
		fmt.Errorf("x: %w", anError{v}),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			c.check(t, fmt.Sprintf("%s of %s in %T", verb, name, holder), fmt.Sprintf(verb, holder))
		}
		if text, err := json.Marshal(holder); err == nil {
			c.check(t, fmt.Sprintf("JSON of %s in %T", name, holder), string(text))
		} else {
			c.check(t, fmt.Sprintf("the error of JSON of %s in %T", name, holder), err.Error())
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Error("x", "v", holder)
		slog.New(slog.NewJSONHandler(&log, nil)).Error("x", slog.Group("g", "v", holder))
		c.check(t, fmt.Sprintf("slog of %s in %T", name, holder), log.String())
	}
}

// anError is an error of a user that keeps a value.
type anError struct{ held any }

func (e anError) Error() string { return fmt.Sprint(e.held) }

// canaries are the secrets of a backup, and the values and clients made of them. The library has no
// SSE-C keys, webhooks or signing keys yet. A change that adds one also adds its canary.
type canaries struct {
	cage
	identities map[string]age.Identity
	malformed  map[string]string // files of keys that do not parse
	lockedPEM  []byte
	database   *mongo.Database
	store      *s3.Client
}

const (
	userCanary       = "canary-user-1f7b"
	passwordCanary   = "canary-password-2e8c"
	accessCanary     = "CANARYACCESSKEY3D9D"
	secretCanary     = "canary-secret-key-4cae"
	sessionCanary    = "canary-session-token-5bbf"
	tokenCanary      = "canary-endpoint-token-6ac0"
	passphraseCanary = "canary passphrase 79d1"
	sshCanary        = "canary ssh passphrase 88e2"

	uriCanary = "mongodb://" + userCanary + ":" + passwordCanary + "@127.0.0.1:1/?serverSelectionTimeoutMS=100"

	inPath  = "/" + tokenCanary
	inQuery = "/?token=" + tokenCanary // the SDK refuses such an endpoint, and quotes it
)

// newRSA makes one key for all tests, because making it is slow.
var newRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// newCanaries returns secrets of every kind. The database cannot be reached. reply
// answers the requests to the store, whose endpoint has token after the host.
func newCanaries(t *testing.T, reply http.HandlerFunc, token string) *canaries {
	t.Helper()
	c := &canaries{cage: cage{}, identities: map[string]age.Identity{}, malformed: map[string]string{}}
	for name, text := range map[string]string{
		"password": passwordCanary, "secret key": secretCanary, "session token": sessionCanary, "user": userCanary,
		"endpoint token": tokenCanary, "passphrase": passphraseCanary, "SSH passphrase": sshCanary,
		"access key id": accessCanary, "URI": uriCanary,
	} {
		c.add(name, []byte(text))
	}
	c.identities["passphrase"] = agecodec.PassphraseIdentity(passphraseCanary,
		&agecodec.PassphraseOptions{WorkFactor: 1, MaxWorkFactor: 1})

	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c.key(t, "X25519 identity", classic.String(), classic)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	c.key(t, "hybrid identity", hybrid.String(), hybrid)

	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.add("Ed25519 SSH identity", ed.Seed())
	c.sshKey(t, "Ed25519 SSH identity", ed)
	rsaKey, err := newRSA()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range append(rsaKey.Primes, rsaKey.D) {
		c.add("RSA SSH identity", n.Bytes())
		c.cage["RSA SSH identity"] = append(c.cage["RSA SSH identity"], n.String())
	}
	c.sshKey(t, "RSA SSH identity", rsaKey)

	block, err := ssh.MarshalPrivateKeyWithPassphrase(ed, "", []byte(sshCanary))
	if err != nil {
		t.Fatal(err)
	}
	c.lockedPEM = pem.EncodeToMemory(block)
	c.identities["locked SSH identity"], err = agecodec.ParseSSHIdentity(c.lockedPEM,
		func() ([]byte, error) { return []byte(sshCanary), nil })
	if err != nil {
		t.Fatal(err)
	}

	client, err := mongo.Connect(options.Client().ApplyURI(uriCanary))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	c.database = client.Database("shop")

	server := httptest.NewServer(reply)
	t.Cleanup(server.Close)
	endpoint := strings.Replace(server.URL, "://", "://"+userCanary+":"+passwordCanary+"@", 1) + token
	c.store = s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: accessCanary, SecretAccessKey: secretCanary, SessionToken: sessionCanary,
			}, nil
		}),
	})
	return c
}

// key adds the text of an age identity, and an identity file with one wrong character.
func (c *canaries) key(t *testing.T, name, text string, key any) {
	t.Helper()
	c.cage[name] = append(c.cage[name], text, text[20:50])
	c.addKey(name, key)
	ids, err := agecodec.ParseIdentities(strings.NewReader(text + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	c.identities[name] = ids[0]
	c.malformed[name] = text[:len(text)-1] + "!"
}

// sshKey adds an SSH key, and a truncated file of it.
func (c *canaries) sshKey(t *testing.T, name string, key any) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(block)
	c.cage[name] = append(c.cage[name], string(text), strings.Split(string(text), "\n")[3])
	ids, err := agecodec.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c.identities[name] = ids[0]
	c.malformed[name] = string(text[:len(text)/2])
}

// TestCanariesPrinted prints the values that hold a secret: identities, and the stages and clients
// made of them.
func TestCanariesPrinted(t *testing.T) {
	c := newCanaries(t, http.NotFound, inPath)
	for name, id := range c.identities {
		c.checkPrinted(t, name, id)
		c.checkPrinted(t, name+", a copy of what it points to", reflect.Indirect(reflect.ValueOf(id)).Interface())
		c.checkPrinted(t, "Decrypt with "+name, agecodec.Decrypt(id))
		c.checkPrinted(t, "PanicError with "+name, &stream.PanicError{Value: id})
		c.checkPrinted(t, "Envelope with "+name, stream.Envelope[age.Identity, age.Identity]{Value: id})
	}
	to := agecodec.PassphraseRecipient(passphraseCanary, nil)
	c.checkPrinted(t, "a recipient by passphrase", to)
	c.checkPrinted(t, "Encrypt", agecodec.Encrypt(to))
	c.checkPrinted(t, "Pair", agecodec.Format([]age.Recipient{to}, []age.Identity{c.identities["passphrase"]}))
	c.checkPrinted(t, "Upload", s3sink.Upload(c.store, "b", "k", nil))
	c.checkPrinted(t, "Download", s3source.Download(c.store, "b", "k", nil))
	c.checkPrinted(t, "Find", mongosource.Find(c.database.Collection("c"), bson.D{}, nil))
	c.checkPrinted(t, "Insert", mongosink.Insert(c.database.Collection("c"), nil))
}

// TestCanariesInErrors provokes errors and checks them in every printed form.
func TestCanariesInErrors(t *testing.T) {
	replies := map[string]http.HandlerFunc{
		"no access": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
		},
		"nothing there": http.NotFound,
		"hung up":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		},
		"echoed": func(w http.ResponseWriter, r *http.Request) {
			said := r.Header.Get("X-Amz-Security-Token") + " " + r.Header.Get("Authorization")
			for _, name := range []string{"X-Amz-Request-Id", "X-Amz-Id-2", "X-Amz-Bucket-Region", "Etag"} {
				w.Header().Set(name, said)
			}
			w.Header().Set("Location", "http://"+r.Header.Get("X-Amz-Security-Token")+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			_, _ = io.WriteString(w, "<Error><Code>"+said+"</Code><Message>"+said+"</Message></Error>")
		},
		"nonsense": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<")
		},
	}
	for name, reply := range replies {
		for _, token := range []string{inPath, inQuery} {
			c := newCanaries(t, reply, token)
			_, err := stream.Run(t.Context(), source.Of([]byte("x")), s3sink.Upload(c.store, "b", "k",
				&s3sink.UploadOptions{SlowDownTimeout: -1, AbortTimeout: 100 * time.Millisecond}))
			c.checkFailed(t, "Upload, "+name, err)
			c.checkDumped(t, "Upload, "+name, err)
			src := s3source.Download(c.store, "b", "k", &s3source.DownloadOptions{Retries: -1})
			_, err = stream.Run(t.Context(), src, sink.Slice[[]byte]())
			c.checkFailed(t, "Download, "+name, err)
			c.checkDumped(t, "Download, "+name, err)
			_, err = s3sink.AbortPending(t.Context(), c.store, "b", "k", 1)
			c.checkFailed(t, "AbortPending, "+name, err)
			c.checkDumped(t, "AbortPending, "+name, err)
		}
	}

	c := newCanaries(t, http.NotFound, inPath)
	_, err := stream.Run(t.Context(),
		mongosource.Find(c.database.Collection("c"), bson.D{}, nil), sink.Slice[bson.Raw]())
	c.checkFailed(t, "Find", err)
	c.checkDumped(t, "Find", err)
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Run(t.Context(), source.Of(bson.Raw(doc)), mongosink.Insert(c.database.Collection("c"), nil))
	c.checkFailed(t, "Insert", err)
	c.checkDumped(t, "Insert", err)

	for name, text := range c.malformed {
		_, err := agecodec.ParseIdentities(strings.NewReader(text))
		c.checkFailed(t, "ParseIdentities of half a "+name, err)
	}
	_, err = agecodec.ParseIdentities(bytes.NewReader(c.lockedPEM))
	c.checkFailed(t, "ParseIdentities of a locked key", err)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed := stream.Via(source.Of([]byte("x")), agecodec.Encrypt(stranger.Recipient()))
	stored, err := stream.Run(t.Context(), sealed, sink.Slice[[]byte]())
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range c.identities {
		for what, file := range map[string][][]byte{
			"another's file": stored,
			"no file":        {[]byte(passphraseCanary[:6])},
			"half a file":    {stored[0][:len(stored[0])/2]},
		} {
			opened := stream.Via(source.Slice(file), agecodec.Decrypt(id))
			_, err := stream.Run(t.Context(), opened, sink.Slice[[]byte]())
			c.checkFailed(t, fmt.Sprintf("Decrypt of %s with %s", what, name), err)
		}
		c.checkFailed(t, "a panic with "+name, panicWith(t.Context(), id))
	}
}

// checkFailed checks an error, which must not be nil, and all errors that it wraps.
func (c *canaries) checkFailed(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s did not fail", name)
		return
	}
	c.check(t, "the error of "+name, err.Error())
	for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
		c.check(t, verb+" of the error of "+name, fmt.Sprintf(verb, err))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	c.check(t, "slog of the error of "+name, log.String())
}

// panicWith returns the value of a run's panic if a stage panics with v.
func panicWith(ctx context.Context, v any) (err error) {
	defer func() {
		if e, ok := recover().(error); ok {
			err = e
		}
	}()
	src := stream.SourceFunc[int](func(context.Context, func(int) error) error { panic(v) })
	_, err = stream.Run(ctx, src, sink.Slice[int]())
	return errors.Join(err, errors.New("no panic"))
}
