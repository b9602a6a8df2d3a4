package registry

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"skytask.dev/tests/cluster/internal/layout"
)

const manifestType = "application/vnd.oci.image.manifest.v1+json"

func digest(content string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))) }

// published is a registry with one image, team/tool, of one manifest and one layer.
func published(t *testing.T, manifest, layer string) *httptest.Server {
	t.Helper()
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	index := fmt.Sprintf(`{"manifests":[{"mediaType":%q,"digest":%q}]}`, manifestType, digest(manifest))
	for name, content := range map[string]string{
		"./index.json":                         index,
		"blobs/sha256/" + digest(manifest)[7:]: manifest,
		"./blobs/sha256/" + digest(layer)[7:]:  layer,
	} {
		if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(out, content)
	}
	out.Close()
	c, err := layout.New(t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Publish(c, path, "team/tool"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(dir(c)))
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, method, url, user, password string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestAnImageIsPulled(t *testing.T) {
	server := published(t, `{"layers":[]}`, "a layer")
	for _, path := range []string{"any-tag", "another", digest(`{"layers":[]}`)} {
		resp, body := get(t, http.MethodGet, server.URL+"/v2/team/tool/manifests/"+path, User, Password)
		if resp.StatusCode != http.StatusOK || body != `{"layers":[]}` {
			t.Error(path, resp.Status, body)
		}
		if resp.Header.Get("Content-Type") != manifestType || resp.Header.Get("Docker-Content-Digest") != digest(body) {
			t.Error(path, resp.Header)
		}
	}
	resp, body := get(t, http.MethodGet, server.URL+"/v2/team/tool/blobs/"+digest("a layer"), User, Password)
	if resp.StatusCode != http.StatusOK || body != "a layer" {
		t.Error(resp.Status, body)
	}
	resp, body = get(t, http.MethodHead, server.URL+"/v2/team/tool/manifests/dev", User, Password)
	if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(`{"layers":[]}`)) || body != "" {
		t.Error(resp.Status, resp.ContentLength, body)
	}
	if resp, _ = get(t, http.MethodGet, server.URL+"/v2/", User, Password); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

func TestNobodyElseIsLetIn(t *testing.T) {
	server := published(t, "{}", "a layer")
	for _, path := range []string{"/v2/", "/v2/team/tool/manifests/dev", "/v2/team/tool/blobs/" + digest("a layer"), "/"} {
		for _, login := range [][2]string{{"", ""}, {User, "wrong"}, {"somebody", Password}} {
			resp, _ := get(t, http.MethodGet, server.URL+path, login[0], login[1])
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
				t.Error(path, login, resp.Status)
			}
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	server := published(t, "{}", "a layer")
	for path, want := range map[string]int{
		"/v2/team/other/manifests/dev":                   http.StatusNotFound,
		"/v2/team/tool/manifests/" + digest("elsewhere"): http.StatusNotFound,
		"/v2/team/tool/blobs/" + digest("elsewhere"):     http.StatusNotFound,
		"/v2/team/tool/tags/list":                        http.StatusNotFound,
		"/v2/..%2f..%2fetc%2fpasswd/blobs/x":             http.StatusNotFound,
		"/":                                              http.StatusNotFound,
	} {
		if resp, body := get(t, http.MethodGet, server.URL+path, User, Password); resp.StatusCode != want {
			t.Error(path, resp.Status, body)
		}
	}
	if resp, _ := get(t, http.MethodPut, server.URL+"/v2/team/tool/manifests/dev", User, Password); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Error(resp.Status)
	}
}

func TestOnlyImagesArePublished(t *testing.T) {
	c, err := layout.New(t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Publish(c, path, "text"); err == nil {
		t.Error("a text was published")
	}
}
