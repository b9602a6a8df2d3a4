// Package registry is a private image registry inside the cluster's network
// namespace: it asks for a login and serves archives of the state directory.
// It speaks the pull part of the OCI distribution specification; an archive
// comes by being put into the directory.
package registry

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
)

// Address is where every node of the cluster, and no pod, reaches it. Container
// runtimes take plain HTTP from a loopback address.
const Address = "127.0.0.1:5000"

// The only login. It protects nothing but what a test expects.
const (
	User     = "reader"
	Password = "only-for-tests"
)

// Start serves until the process ends. It can be called once per namespace.
func Start(c layout.Cluster) error {
	var l net.Listener
	err := netns.Do(c, func() (err error) {
		l, err = net.Listen("tcp", Address)
		return err
	})
	if err != nil {
		return fmt.Errorf("the private registry: %w", err)
	}
	server := &http.Server{Handler: Handler(dir(c)), ReadHeaderTimeout: 10 * time.Second}
	go func() { log.Printf("registry: %v", server.Serve(l)) }()
	return nil
}

func dir(c layout.Cluster) string { return c.Path("registry") }

// file is where an image's archive is; its name may have slashes.
func file(dir, name string) string { return filepath.Join(dir, url.PathEscape(name)+".tar") }

// Handler serves the archives of a directory, each under every tag: a test that
// wants an image which no node has yet asks for a tag of its own.
func Handler(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		user, password, _ := r.BasicAuth()
		if !same(user, User) || !same(password, Password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="the cluster's private registry"`)
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "images come by `sky-cluster registry`")
			return
		}
		answer(w, r, dir)
	})
}

func same(given, wanted string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(wanted))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func answer(w http.ResponseWriter, r *http.Request, dir string) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if rest == "" { // whether this is a registry, and the login right
		fmt.Fprint(w, "{}")
		return
	}
	name, kind, reference := split(rest)
	image, err := open(file(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "there is no image of that name")
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	defer image.Close()
	digest, mediaType := reference, "application/octet-stream"
	if kind == "manifests" && (!strings.Contains(reference, ":") || reference == image.manifest.Digest) {
		digest, mediaType = image.manifest.Digest, image.manifest.MediaType
	}
	blob, err := image.blob(digest)
	if err != nil {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", digest)
	http.ServeContent(w, r, "", time.Time{}, blob)
}

// split takes `NAME/manifests/REFERENCE` and `NAME/blobs/DIGEST` apart, where
// the name may have slashes.
func split(path string) (name, kind, reference string) {
	for _, kind := range []string{"manifests", "blobs"} {
		if at := strings.LastIndex(path, "/"+kind+"/"); at > 0 {
			return path[:at], kind, path[at+len(kind)+2:]
		}
	}
	return path, "", ""
}

// refuse answers in the words of the distribution specification.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
