package pki

import (
	"bytes"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"skytask.dev/tests/cluster/internal/layout"
)

func testCluster(t *testing.T) layout.Cluster {
	t.Helper()
	c, err := layout.New(t.TempDir(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func load(t *testing.T, c layout.Cluster, id string) *x509.Certificate {
	t.Helper()
	cert, _, err := loadPair(c.Cert(id), c.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCertificatesVerify(t *testing.T) {
	c := testCluster(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(load(t, c, "ca"))
	api := load(t, c, "apiserver")
	for _, host := range []string{"127.0.0.1", "localhost", "10.96.0.1", "10.250.0.1",
		"kubernetes.default.svc", "kubernetes.default.svc.cluster.local"} {
		if _, err := api.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := api.Verify(x509.VerifyOptions{Roots: roots, DNSName: "example.com"}); err == nil {
		t.Error("verifies for a foreign name")
	}
	node := load(t, c, "node-0")
	if node.Subject.CommonName != "system:node:node-0" || node.Subject.Organization[0] != "system:nodes" {
		t.Error("node identity", node.Subject)
	}
	if info, _ := os.Stat(c.Key("admin")); info.Mode().Perm() != 0o600 {
		t.Error("a private key is readable by others", info.Mode())
	}
}

func TestEnsureKeepsWhatIsThere(t *testing.T) {
	c := testCluster(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(c.Cert("apiserver"))
	if err := os.Remove(c.Cert("admin")); err != nil {
		t.Fatal(err)
	}
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(c.Cert("apiserver"))
	if !bytes.Equal(before, after) {
		t.Error("the API server's certificate changed")
	}
	load(t, c, "admin")
}

func TestKubeconfig(t *testing.T) {
	c := testCluster(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	if err := WriteKubeconfig(c, c.Kubeconfig(), "https://127.0.0.1:16443", "admin"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"server: https://127.0.0.1:16443\n", "current-context: sky-dev\n", "client-key-data: "} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %q in\n%s", want, data)
		}
	}
}
