package s3reply

// MaxName is the greatest length in bytes of an ETag, a version id or an upload id. They are kept
// and sent back, one ETag for each part. Real ones have at most some hundred bytes.
const MaxName = 2 << 10

// IsName reports whether s, from a reply, can be an ETag, a version id or an upload id: visible
// ASCII, not empty, at most [MaxName] bytes.
func IsName(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= MaxName
}
