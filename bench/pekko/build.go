// Package pekko runs the cases of the bench commands in Pekko Streams, the open-source fork of Akka
// Streams. A Maven project in this directory has the Java side. It is compiled when a command first
// needs it.
package pekko

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed pom.xml src
var project embed.FS

// ErrMissing is the error if a required program is not installed.
var ErrMissing = errors.New("not on the PATH")

// build compiles the project with Maven into a directory of the user's cache, once for each version
// of its sources, and returns the directory.
func build() (dir string, err error) {
	for _, program := range []string{"mvn", "java"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("pekko: %s: %w", program, ErrMissing)
		}
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("pekko: %w", err)
	}
	id, err := sourceHash()
	if err != nil {
		return "", fmt.Errorf("pekko: %w", err)
	}
	dir = filepath.Join(caches, "millweir", "bench-pekko-"+id)
	built := filepath.Join(dir, "built")
	if _, err := os.Stat(built); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil { // left by an interrupted build
		return "", fmt.Errorf("pekko: %w", err)
	}
	if err := os.CopyFS(dir, project); err != nil {
		return "", fmt.Errorf("pekko: %w", err)
	}
	mvn := exec.Command("mvn", "--quiet", "--batch-mode", "package")
	mvn.Dir = dir
	if out, err := mvn.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pekko: mvn package: %w\n%s", err, out)
	}
	if err := os.WriteFile(built, nil, 0o644); err != nil {
		return "", fmt.Errorf("pekko: %w", err)
	}
	return dir, nil
}

// sourceHash returns a short hash of the sources.
func sourceHash() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(project, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := project.ReadFile(name)
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:6]), err
}
