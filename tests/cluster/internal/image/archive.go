// Package image brings images into the cluster's container runtime without a
// registry.
package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	nameAnnotation    = "io.containerd.image.name"
	refNameAnnotation = "org.opencontainers.image.ref.name"
	indexFile         = "index.json"
	manifestFile      = "manifest.json"
)

// archive is what the head files of an image tar say.
type archive struct {
	path string
	oci  bool
	// head is the file that names the images: index.json or manifest.json. It
	// holds digests of everything else, so its own digest stands for the content.
	head  []byte
	names []string
}

// open returns the archive as a plain tar stream.
func openTar(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	magic := make([]byte, 2)
	n, _ := io.ReadFull(f, magic)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s must be a file, not a pipe: %w", path, err)
	}
	if n == 2 && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
		if err != nil {
			f.Close()
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{z, f}, nil
	}
	return f, nil // as a file: tar then seeks over the layers instead of reading them
}

// inspect reads the head files of an archive.
func inspect(path string) (archive, error) {
	r, err := openTar(path)
	if err != nil {
		return archive{}, err
	}
	defer r.Close()
	heads := map[string][]byte{}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return archive{}, fmt.Errorf("%s is not an image archive (tar): %w", path, err)
		}
		if name := clean(h.Name); name == indexFile || name == manifestFile {
			if heads[name], err = io.ReadAll(t); err != nil {
				return archive{}, err
			}
		}
	}
	a := archive{path: path}
	switch {
	case heads[indexFile] != nil:
		a.oci, a.head = true, heads[indexFile]
		a.names, err = ociNames(a.head)
	case heads[manifestFile] != nil:
		a.head = heads[manifestFile]
		a.names, err = dockerNames(a.head)
	default:
		err = errors.New("it has neither index.json (OCI) nor manifest.json (docker)")
	}
	if err != nil {
		return archive{}, fmt.Errorf("%s is not an image archive: %w", path, err)
	}
	return a, nil
}

func clean(name string) string { return strings.TrimPrefix(name, "./") }

func (a archive) key() string {
	sum := sha256.Sum256(a.head)
	return hex.EncodeToString(sum[:])
}

func ociNames(index []byte) ([]string, error) {
	var head struct {
		Manifests []struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(index, &head); err != nil {
		return nil, err
	}
	var names []string
	for _, m := range head.Manifests {
		name := m.Annotations[nameAnnotation]
		// A reference that is only a tag ("latest") does not name an image.
		if ref := m.Annotations[refNameAnnotation]; name == "" && strings.Contains(ref, ":") {
			name = ref
		}
		if name = Normalize(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func dockerNames(manifest []byte) ([]string, error) {
	var entries []struct{ RepoTags []string }
	if err := json.Unmarshal(manifest, &entries); err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		for _, tag := range e.RepoTags {
			names = append(names, Normalize(tag))
		}
	}
	return names, nil
}

// Normalize writes an image name as the container runtime stores it.
func Normalize(name string) string {
	if name == "" {
		return ""
	}
	first, rest, slash := strings.Cut(name, "/")
	switch {
	case !slash:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		name = "docker.io/" + first + "/" + rest
	}
	last := name[strings.LastIndexByte(name, '/')+1:]
	if !strings.ContainsAny(last, ":@") {
		name += ":latest"
	}
	return name
}

// rename returns an OCI index in which the first image carries all the names.
// Archives of several images keep their own names.
func rename(index []byte, names []string) ([]byte, error) {
	var head map[string]any
	if err := json.Unmarshal(index, &head); err != nil {
		return nil, err
	}
	manifests, _ := head["manifests"].([]any)
	if len(manifests) == 0 {
		return nil, errors.New("index.json lists no image")
	}
	var renamed []any
	for _, name := range names {
		first, ok := manifests[0].(map[string]any)
		if !ok {
			return nil, errors.New("index.json is malformed")
		}
		entry := map[string]any{}
		for k, v := range first {
			entry[k] = v
		}
		entry["annotations"] = map[string]any{nameAnnotation: name}
		renamed = append(renamed, entry)
	}
	head["manifests"] = append(renamed, manifests[1:]...)
	return json.Marshal(head)
}

// writeRenamed copies an OCI archive with another index.
func writeRenamed(w io.Writer, a archive, names []string) error {
	index, err := rename(a.head, names)
	if err != nil {
		return err
	}
	r, err := openTar(a.path)
	if err != nil {
		return err
	}
	defer r.Close()
	out := tar.NewWriter(w)
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		var body io.Reader = in
		if clean(h.Name) == indexFile {
			h.Size, body = int64(len(index)), bytes.NewReader(index)
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, body); err != nil {
			return err
		}
	}
}
