package s3sink

import (
	"crypto/md5" //nolint:gosec // S3's ETag of a multipart object is an MD5
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// sentPart is a part that the service has acknowledged.
type sentPart struct {
	n         int   // from 1
	size      int64 // bytes
	etag      string
	algorithm *algorithm
	sum       []byte // nil if the algorithm has no header
	echoed    bool   // the reply has the checksum
	isMD5     bool   // the ETag is the MD5 of the part
	stored    string // the checksum of a listed part, as S3 writes it
}

// partList holds the acknowledged parts. The senders fill it. It may be read without mu after they
// have ended.
type partList struct {
	mu            sync.Mutex
	acked         []sentPart // by part number
	maybeInFlight bool       // a part got no reply, and may still reach the upload
	opaque        bool       // an ETag was no MD5, although the service had the MD5 to compare
}

func (l *partList) add(p sentPart) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.acked) < p.n {
		l.acked = append(l.acked, sentPart{})
	}
	l.acked[p.n-1] = p
}

// addUnanswered records that a part got no reply.
func (l *partList) addUnanswered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.maybeInFlight = true
}

// setOpaque records that the service's ETags are not MD5s.
func (l *partList) setOpaque() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opaque = true
}

func (l *partList) isOpaque() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opaque
}

// completed returns the parts as CompleteMultipartUpload wants them. It leaves out a checksum that
// the service has not returned: it does not know it.
func (l *partList) completed() []types.CompletedPart {
	list := make([]types.CompletedPart, len(l.acked))
	for i, p := range l.acked {
		list[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.n)), ETag: aws.String(p.etag)}
		if p.echoed {
			setCompleted(&list[i], p.algorithm.sums(encode(p.sum)))
		}
	}
	return list
}

// echoed reports whether the service has returned the checksum of a part.
func (l *partList) echoed() bool {
	for _, p := range l.acked {
		if p.echoed {
			return true
		}
	}
	return false
}

// verified returns the checksum that the service has confirmed for every part, "MD5" if it was the
// ETag for some, or "".
func (l *partList) verified() string {
	how := ""
	for _, p := range l.acked {
		switch {
		case p.echoed && how != md5Name:
			how = string(p.algorithm.name)
		case p.echoed || p.isMD5:
			how = md5Name
		default:
			return ""
		}
	}
	return how
}

// damaged returns an error if the ETags of some parts are their MD5s, but the ETag of another is
// not. That other part is damaged.
func (l *partList) damaged() error {
	md5s, other := false, 0
	for _, p := range l.acked {
		md5s = md5s || p.isMD5
		if !p.isMD5 && !p.echoed && looksLikeMD5(p.etag) {
			other = p.n
		}
	}
	if md5s && other > 0 {
		return fmt.Errorf("%w: the ETag of part %d is not its MD5, as that of other parts is", ErrMismatch, other)
	}
	return nil
}

// md5Name is the name of the MD5 in a result.
const md5Name = "MD5"

func looksLikeMD5(etag string) bool {
	raw, err := hex.DecodeString(strings.Trim(etag, `"`))
	return err == nil && len(raw) == md5.Size
}

// etagOfParts returns the ETag that S3 gives an object of these parts, or "" if the ETag of a part
// is not an MD5.
func etagOfParts(parts []sentPart) string {
	h := md5.New() //nolint:gosec // see the import
	for _, p := range parts {
		if !looksLikeMD5(p.etag) {
			return ""
		}
		raw, _ := hex.DecodeString(strings.Trim(p.etag, `"`)) // looksLikeMD5 has decoded it
		h.Write(raw)
	}
	return fmt.Sprintf(`"%x-%d"`, h.Sum(nil), len(parts))
}
