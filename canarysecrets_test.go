package millweir_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
)

// canaries are the secrets of a backup, and the values and clients made of them. A change that adds
// another kind of secret also adds its canary.
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
	customerCanary   = "canary-customer-key-97f3-32bytes" // of SSE-C

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
		"access key id": accessCanary, "URI": uriCanary, "customer key": customerCanary,
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
