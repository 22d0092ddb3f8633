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

// partList holds the service's answers to the parts. The senders fill it. It may be read without mu
// after they have ended.
type partList struct {
	mu            sync.Mutex
	completed     []types.CompletedPart // by part number
	maybeInFlight bool                  // a part got no reply, and may still reach the upload
	gotSum        bool                  // the service has returned the checksum of a part
}

// add adds a completed part. sum is the checksum that the service returned, or nil.
func (l *partList) add(p types.CompletedPart, sum *string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gotSum = l.gotSum || sum != nil
	n := int(*p.PartNumber)
	for len(l.completed) < n {
		l.completed = append(l.completed, types.CompletedPart{})
	}
	l.completed[n-1] = p
}

// addUnanswered records that a part got no reply.
func (l *partList) addUnanswered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.maybeInFlight = true
}

// etagOfParts returns the ETag that S3 gives an object of these parts, or "" if the ETag of a part
// is not an MD5.
func etagOfParts(parts []types.CompletedPart) string {
	h := md5.New() //nolint:gosec // see the import
	for _, p := range parts {
		b, err := hex.DecodeString(strings.Trim(aws.ToString(p.ETag), `"`))
		if err != nil || len(b) != md5.Size {
			return ""
		}
		h.Write(b)
	}
	return fmt.Sprintf(`"%x-%d"`, h.Sum(nil), len(parts))
}
