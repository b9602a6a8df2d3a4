package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNormalize(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "",
		"python:3.13-slim":      "docker.io/library/python:3.13-slim",
		"busybox":               "docker.io/library/busybox:latest",
		"user/app:1":            "docker.io/user/app:1",
		"localhost/pause:dev":   "localhost/pause:dev",
		"localhost:5000/x":      "localhost:5000/x:latest",
		"reg.example/a/b@sha:x": "reg.example/a/b@sha:x",
	} {
		if got := Normalize(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

const index = `{"schemaVersion":2,"manifests":[{"digest":"sha256:1","annotations":{"org.opencontainers.image.ref.name":"localhost/x:dev"}}]}`

func writeTar(t *testing.T, files ...file) string {
	t.Helper()
	data, err := tarball(files...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInspect(t *testing.T) {
	oci, err := inspect(writeTar(t, file{"./index.json", 0o644, []byte(index)}))
	if err != nil || !oci.oci || !slices.Equal(oci.names, []string{"localhost/x:dev"}) {
		t.Error(oci.names, err)
	}
	docker, err := inspect(writeTar(t, file{"manifest.json", 0o644, []byte(`[{"RepoTags":["x:1"]}]`)}))
	if err != nil || docker.oci || !slices.Equal(docker.names, []string{"docker.io/library/x:1"}) {
		t.Error(docker.names, err)
	}
	tagOnly, err := inspect(writeTar(t, file{"index.json", 0o644, []byte(strings.ReplaceAll(index, "localhost/x:dev", "dev"))}))
	if err != nil || len(tagOnly.names) != 0 {
		t.Error("a bare tag is no name:", tagOnly.names, err)
	}
	if _, err := inspect(writeTar(t, file{"etc/passwd", 0o644, nil})); err == nil {
		t.Error("any tar is taken for an image")
	}
}

func TestRenamedArchiveKeepsTheRest(t *testing.T) {
	path := writeTar(t, file{"index.json", 0o644, []byte(index)}, file{"blobs/sha256/1", 0o644, []byte("blob")})
	a, err := inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeRenamed(&out, a, []string{"localhost/x:dev", "docker.io/library/y:2"}); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		found[h.Name] = string(data)
	}
	if found["blobs/sha256/1"] != "blob" {
		t.Error("blob changed")
	}
	names, err := ociNames([]byte(found["index.json"]))
	if err != nil || !slices.Equal(names, []string{"localhost/x:dev", "docker.io/library/y:2"}) {
		t.Error(names, err)
	}
}

func TestPauseIsReproducible(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "pause")
	os.WriteFile(program, []byte("binary"), 0o755)
	for _, name := range []string{"a", "b"} {
		if err := WritePause(filepath.Join(dir, name), program); err != nil {
			t.Fatal(err)
		}
	}
	a, err := inspect(filepath.Join(dir, "a"))
	if err != nil || !slices.Equal(a.names, []string{"localhost/pause:dev"}) {
		t.Fatal(a.names, err)
	}
	b, _ := inspect(filepath.Join(dir, "b"))
	if a.key() != b.key() {
		t.Error("two builds of one program differ")
	}
	if err := WritePause(filepath.Join(dir, "c"), filepath.Join(dir, "none")); err == nil {
		t.Error("no error without the program")
	}
}

func TestParseList(t *testing.T) {
	out := "REF TYPE DIGEST SIZE PLATFORMS LABELS\nlocalhost/x:dev type sha256:1 1.4 MiB linux/amd64 -\n"
	if got := parseList([]byte(out)); len(got) != 1 || got["localhost/x:dev"] != "sha256:1" {
		t.Error(got)
	}
}
