// Package pki makes the cluster's certificate authority, the certificates of its
// components and their kubeconfig files.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"skytask.dev/tests/cluster/internal/layout"
)

// lifetime is long enough for a cluster that somebody leaves up for months.
const lifetime = 3 * 365 * 24 * time.Hour

// Identity describes one certificate.
type Identity struct {
	ID           string // file name without extension
	CommonName   string
	Organization []string
	Names        []string // DNS names
	IPs          []string
}

// Identities lists every certificate a cluster needs.
func Identities(c layout.Cluster) []Identity {
	nodes := c.Nodes()
	api := Identity{
		ID: "apiserver", CommonName: "kube-apiserver",
		Names: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc." + layout.ClusterDomain},
		IPs: []string{"127.0.0.1", layout.APIServiceIP, nodes[0].Address},
	}
	ids := []Identity{
		api,
		{ID: "admin", CommonName: "admin", Organization: []string{"system:masters"}},
		{ID: "supervisor", CommonName: "sky-cluster-supervisor", Organization: []string{"system:masters"}},
		{ID: "apiserver-kubelet-client", CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}},
		{ID: "controller-manager", CommonName: "system:kube-controller-manager"},
		{ID: "scheduler", CommonName: "system:kube-scheduler"},
		{ID: "proxy", CommonName: "system:kube-proxy"},
		{ID: "coredns", CommonName: "system:coredns"},
	}
	for _, n := range nodes {
		ids = append(ids, Identity{
			ID: "node-" + fmt.Sprint(n.Index), CommonName: "system:node:" + n.Name, Organization: []string{"system:nodes"},
			Names: []string{n.Name}, IPs: []string{n.Address, "127.0.0.1"},
		})
	}
	return ids
}

// Ensure writes whatever is missing below the cluster's pki directory. Existing
// files are kept: running components and users hold them.
func Ensure(c layout.Cluster) error {
	if err := os.MkdirAll(c.Path("pki"), 0o700); err != nil {
		return err
	}
	ca, caKey, err := ensureCA(c)
	if err != nil {
		return err
	}
	for _, id := range Identities(c) {
		if exists(c.Cert(id.ID)) && exists(c.Key(id.ID)) {
			continue
		}
		if err := issue(c, id, ca, caKey); err != nil {
			return fmt.Errorf("certificate %s: %w", id.ID, err)
		}
	}
	return ensureServiceAccountKey(c)
}

func ensureCA(c layout.Cluster) (*x509.Certificate, crypto.Signer, error) {
	if exists(c.Cert("ca")) && exists(c.Key("ca")) {
		return loadPair(c.Cert("ca"), c.Key("ca"))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := template(Identity{CommonName: "sky-cluster " + c.Name})
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	if err := writePair(c, "ca", der, key); err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func issue(c layout.Cluster, id Identity, ca *x509.Certificate, caKey crypto.Signer) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := template(id)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	return writePair(c, id.ID, der, key)
}

func template(id Identity) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails since Go 1.24
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: id.CommonName, Organization: id.Organization},
		// An hour back: a guest's clock may be set after it has booted.
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(lifetime),
		DNSNames:  id.Names,
	}
	for _, ip := range id.IPs {
		t.IPAddresses = append(t.IPAddresses, net.ParseIP(ip))
	}
	return t
}

// ensureServiceAccountKey makes the key pair that signs ServiceAccount tokens.
func ensureServiceAccountKey(c layout.Cluster) error {
	if exists(c.Key("service-account")) && exists(c.Path("pki", "service-account.pub")) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(c.Path("pki", "service-account.pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	return writeKey(c.Key("service-account"), key)
}

func writePair(c layout.Cluster, id string, der []byte, key *ecdsa.PrivateKey) error {
	if err := writeKey(c.Key(id), key); err != nil {
		return err
	}
	return writePEM(c.Cert(id), "CERTIFICATE", der)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

// writePEM renames a finished file into place, so that an interrupted run never
// leaves half a certificate that a later one would keep.
func writePEM(path, kind string, der []byte) error {
	tmp := filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path))
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func loadPair(certPath, keyPath string) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := readPEM(certPath)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := readPEM(keyPath)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", certPath, err)
	}
	key, err := x509.ParseECPrivateKey(keyDER)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyPath, err)
	}
	return cert, key, nil
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return block.Bytes, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
