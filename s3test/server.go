package s3test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millweir/millweir/internal/memlisten"
)

// Options tunes [New]. The zero value is ready to use.
type Options struct {
	MinPartSize int64 // least size in bytes of all parts except the last; 0 means 5 MiB, as in S3; negative means none
	MaxParts    int   // highest part number; 0 means 10,000, as in S3
	Versioned   bool  // every object keeps its versions
	ObjectLock  bool  // objects can be locked; implies Versioned
	TLS         bool  // URL is https; see [Server.HTTPClient]
	InMemory    bool  // only [Server.HTTPClient] connects, without sockets, as testing/synctest needs it

	Service Service // whose deviations from Amazon S3 the server shows; Amazon S3 by default
}

// Server is an S3 server. It is safe for use by several goroutines.
type Server struct {
	URL string // the endpoint; addresses are path-style

	opts   Options
	http   *httptest.Server
	close  func()
	closed chan struct{}

	mu       sync.Mutex
	buckets  map[string]*bucket
	faults   []*Fault
	requests []Request
	counter  int
}

// bucket holds one bucket's objects and unfinished uploads.
type bucket struct {
	objects map[string][]*Object // the versions of a key, the newest last
	uploads map[string]*upload

	completed map[string]*Reply // by upload, of a service that repeats the reply
}

// New starts a server without buckets. The caller must close it.
func New(opts *Options) *Server {
	s := &Server{closed: make(chan struct{}), buckets: map[string]*bucket{}}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.MinPartSize == 0 {
		s.opts.MinPartSize = 5 << 20
	}
	if s.opts.MaxParts == 0 {
		s.opts.MaxParts = 10_000
		if s.opts.Service == Scaleway {
			s.opts.MaxParts = scalewayParts
		}
	}
	s.opts.Versioned = s.opts.Versioned || s.opts.ObjectLock
	s.start()
	s.close = sync.OnceFunc(func() {
		close(s.closed)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// start starts the HTTP server.
func (s *Server) start() {
	handler := http.HandlerFunc(s.serve)
	memory := memlisten.New(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
	if s.opts.InMemory {
		s.http = &httptest.Server{Listener: memory, Config: &http.Server{Handler: handler}} //nolint:gosec // no network
	} else {
		s.http = httptest.NewUnstartedServer(handler)
	}
	if s.opts.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	if s.opts.InMemory {
		s.http.Client().Transport.(*http.Transport).DialContext = memory.DialContext
	}
}

// Close stops the server and ends requests that hang. A second Close does nothing.
func (s *Server) Close() { s.close() }

// HTTPClient returns a client that trusts the server's certificate, and is connected to a server in
// memory. Every call returns the same.
func (s *Server) HTTPClient() *http.Client { return s.http.Client() }

// CreateBucket creates an empty bucket.
func (s *Server) CreateBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name] = newBucket()
}

func newBucket() *bucket {
	return &bucket{objects: map[string][]*Object{}, uploads: map[string]*upload{}, completed: map[string]*Reply{}}
}

// bucket returns a bucket, and panics if it does not exist. The caller holds s.mu.
func (s *Server) bucket(name string) *bucket {
	b := s.buckets[name]
	if b == nil {
		panic(fmt.Sprintf("s3test: there is no bucket %q", name))
	}
	return b
}

// Request is a request of a client.
type Request struct {
	Op       string // the operation's name in the API, such as "UploadPart"
	Bucket   string
	Key      string
	Part     int // of UploadPart; otherwise 0
	UploadID string
	Header   http.Header
	Query    map[string][]string
	Body     []byte // empty if a fault replied before the body was read
}

// Requests returns the requests so far, in order of arrival, without bodies.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Count returns the number of requests for op.
func (s *Server) Count(op string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Op == op {
			n++
		}
	}
	return n
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, hr *http.Request) {
	req := parse(hr)
	s.mu.Lock()
	s.requests = append(s.requests, *req)
	fault := s.match(req)
	s.mu.Unlock()
	if fault == nil {
		fault = &Fault{}
	}
	var reply *Reply
	if fault.Unread {
		reply = fault.before(req)
	}
	if reply == nil {
		var err error
		if req.Body, err = io.ReadAll(hr.Body); err != nil {
			panic(http.ErrAbortHandler) // the client closed the connection: the request is not executed
		}
		if !fault.Unread {
			reply = fault.before(req)
		}
	}
	if reply == nil {
		s.mu.Lock()
		reply = s.handle(req)
		s.mu.Unlock()
		if fault.After != nil {
			if reply.Header == nil {
				reply.Header = http.Header{}
			}
			fault.After(req, reply)
		}
	}
	s.send(w, hr, reply)
}

// parse returns the request with its operation.
func parse(hr *http.Request) *Request {
	q := hr.URL.Query()
	r := &Request{Header: hr.Header.Clone(), Query: q, UploadID: q.Get("uploadId")}
	r.Bucket, r.Key, _ = strings.Cut(strings.TrimPrefix(hr.URL.Path, "/"), "/")
	r.Part, _ = strconv.Atoi(q.Get("partNumber")) // 0 if there is none
	names := map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
	if r.Key == "" {
		names = map[string]string{
			"GET": "ListObjectsV2", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket",
		}
	}
	r.Op = names[hr.Method]
	switch _, uploads := q["uploads"]; {
	case uploads && hr.Method == "POST":
		r.Op = "CreateMultipartUpload"
	case uploads:
		r.Op = "ListMultipartUploads"
	case r.UploadID == "":
	case hr.Method == "PUT":
		r.Op = "UploadPart"
	case hr.Method == "POST":
		r.Op = "CompleteMultipartUpload"
	case hr.Method == "DELETE":
		r.Op = "AbortMultipartUpload"
	default:
		r.Op = "ListParts"
	}
	for param, op := range map[string]string{"retention": "ObjectRetention", "legal-hold": "ObjectLegalHold"} {
		if _, ok := q[param]; ok && r.Key != "" && (hr.Method == "GET" || hr.Method == "PUT") {
			r.Op = map[string]string{"GET": "Get", "PUT": "Put"}[hr.Method] + op
		}
	}
	for param, op := range map[string]string{
		"versions": "ListObjectVersions", "versioning": "GetBucketVersioning",
		"object-lock": "GetObjectLockConfiguration",
	} {
		if _, ok := q[param]; ok && hr.Method == "GET" && r.Key == "" {
			r.Op = op
		}
	}
	if _, ok := q["delete"]; ok && hr.Method == "POST" && r.Key == "" {
		r.Op = "DeleteObjects"
	}
	return r
}

// params are the known query parameters. x-id is the SDK's own.
var params = []string{
	"continuation-token", "delete", "delimiter", "encoding-type", "key-marker", "legal-hold", "list-type", "max-keys",
	"max-parts", "max-uploads", "object-lock", "part-number-marker", "partNumber", "prefix", "retention", "start-after",
	"upload-id-marker", "uploadId", "uploads", "version-id-marker", "versionId", "versioning", "versions",
	"x-id",
}

// unknown reports whether req has a parameter or header that the server would otherwise ignore.
func unknown(req *Request) bool {
	for p := range req.Query {
		if !slices.Contains(params, p) {
			return true
		}
	}
	h, write := req.Header, req.Op != "GetObject" && req.Op != "HeadObject"
	none := h.Get("If-None-Match")
	return h.Get("X-Amz-Copy-Source") != "" || hasKey(h) && !slices.Contains(keyed, req.Op) ||
		write && (h.Get("If-Match") != "" || none != "" && none != "*") ||
		!write && (none != "" || req.Part != 0 && h.Get("Range") != "") ||
		!write && (h.Get("If-Modified-Since") != "" || h.Get("If-Unmodified-Since") != "") ||
		len(req.Query["encoding-type"]) > 0 &&
			(!strings.HasPrefix(req.Op, "List") || first(req.Query["encoding-type"]) != "url") ||
		len(req.Query["delimiter"]) > 0 && !strings.HasPrefix(req.Op, "ListObject") ||
		req.Op == "ListObjectsV2" && first(req.Query["list-type"]) != "2"
}

// handle executes req. The caller holds s.mu.
func (s *Server) handle(req *Request) *Reply {
	if unknown(req) {
		return refuse(http.StatusNotImplemented, "NotImplemented")
	}
	if reply := s.opts.Service.deviate(req); reply != nil {
		return reply
	}
	if req.Op == "CreateBucket" {
		if s.buckets[req.Bucket] != nil {
			return refuse(http.StatusConflict, "BucketAlreadyOwnedByYou")
		}
		s.buckets[req.Bucket] = newBucket()
		return &Reply{}
	}
	b := s.buckets[req.Bucket]
	if b == nil {
		return refuse(http.StatusNotFound, "NoSuchBucket")
	}
	if why := damaged(req); why != "" {
		return refuse(http.StatusBadRequest, why)
	}
	if reply := s.refuseKey(b, req); reply != nil {
		return reply
	}
	if !s.opts.ObjectLock && asksForLock(req.Header) {
		return noObjectLock()
	}
	if why := s.badLock(req); why != "" {
		return refuse(http.StatusBadRequest, why)
	}
	switch req.Op {
	case "HeadBucket":
		return &Reply{}
	case "PutObject":
		return s.putObject(b, req)
	case "GetObject", "HeadObject":
		return s.getObject(b, req)
	case "DeleteObject":
		return s.deleteObject(b, req)
	case "DeleteObjects":
		return s.deleteObjects(b, req)
	case "PutObjectRetention", "PutObjectLegalHold":
		return s.putLock(b, req)
	case "GetObjectRetention", "GetObjectLegalHold":
		return s.getLock(b, req)
	case "GetBucketVersioning":
		return s.getVersioning()
	case "GetObjectLockConfiguration":
		return s.getLockConfiguration()
	case "ListObjectVersions":
		return s.listVersions(b, req)
	case "ListParts":
		return s.listParts(b, req)
	case "ListObjectsV2":
		return s.listObjects(b, req)
	case "CreateMultipartUpload":
		return s.createUpload(b, req)
	case "UploadPart":
		return s.uploadPart(b, req)
	case "CompleteMultipartUpload":
		return s.completeUpload(b, req)
	case "AbortMultipartUpload":
		return s.abortUpload(b, req)
	case "ListMultipartUploads":
		return s.listUploads(b, req)
	}
	return refuse(http.StatusNotImplemented, "NotImplemented")
}

// next returns a new id of an upload or a version. The caller holds s.mu.
func (s *Server) next(prefix string) string {
	s.counter++
	return prefix + strconv.Itoa(s.counter)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
