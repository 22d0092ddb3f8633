package s3test

import "net/http"

// getVersioning answers whether the bucket keeps versions.
func (s *Server) getVersioning() *Reply {
	type VersioningConfiguration struct {
		Status string `xml:",omitempty"`
	}
	if !s.opts.Versioned {
		return document(VersioningConfiguration{})
	}
	return document(VersioningConfiguration{"Enabled"})
}

// getLockConfiguration answers whether the bucket has Object Lock.
func (s *Server) getLockConfiguration() *Reply {
	type ObjectLockConfiguration struct{ ObjectLockEnabled string }
	if !s.opts.ObjectLock {
		return refuse(http.StatusNotFound, "ObjectLockConfigurationNotFoundError")
	}
	return document(ObjectLockConfiguration{"Enabled"})
}
