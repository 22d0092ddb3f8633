package s3reply

// MaxName is how many bytes an ETag, a version's id or an upload's id may have. They are kept and sent back, an ETag for each part;
// those of services have at most some hundred.
const MaxName = 2 << 10

// IsName reports whether s, from a reply, can be an ETag, a version's id or an upload's id: visible ASCII, not empty, at most [MaxName] bytes.
func IsName(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= MaxName
}
