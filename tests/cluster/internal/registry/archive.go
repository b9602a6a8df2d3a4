package registry

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"skytask.dev/tests/cluster/internal/layout"
)

// archive is an OCI image in a plain tar file, which is read in place.
type archive struct {
	*os.File
	manifest descriptor
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
}

// open reads which image the archive holds; of several, the first.
func open(path string) (*archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	a := &archive{File: f}
	if a.manifest, err = a.first(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return a, nil
}

func (a *archive) first() (descriptor, error) {
	index, err := a.entry("index.json")
	if err != nil {
		return descriptor{}, err
	}
	var list struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.NewDecoder(index).Decode(&list); err != nil {
		return descriptor{}, err
	}
	if len(list.Manifests) == 0 {
		return descriptor{}, errors.New("index.json lists no image")
	}
	return list.Manifests[0], nil
}

// blob is the content with a digest.
func (a *archive) blob(digest string) (*io.SectionReader, error) {
	algorithm, hash, _ := strings.Cut(digest, ":")
	return a.entry("blobs/" + algorithm + "/" + hash)
}

// entry finds a file of the archive. A tar reader takes a plain file's headers
// only and reads nothing ahead, so the content begins where the file stands.
func (a *archive) entry(name string) (*io.SectionReader, error) {
	if _, err := a.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	for t := tar.NewReader(a.File); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("there is no %s", name)
		}
		if err != nil {
			return nil, fmt.Errorf("not a plain tar file: %w", err)
		}
		if strings.TrimPrefix(h.Name, "./") == name {
			start, err := a.Seek(0, io.SeekCurrent)
			return io.NewSectionReader(a.File, start, h.Size), err
		}
	}
}

// Publish serves an OCI archive under a name.
func Publish(c layout.Cluster, path, name string) error {
	a, err := open(path)
	if err != nil {
		return fmt.Errorf("not an OCI archive that can be served: %w", err)
	}
	defer a.Close()
	if err := os.MkdirAll(dir(c), 0o755); err != nil {
		return err
	}
	// A copy: caches of archives are cleaned up while the cluster runs. It appears at once and whole.
	tmp, err := os.CreateTemp(dir(c), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := a.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(tmp, a.File); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file(dir(c), name))
}
