package pki

import (
	"encoding/base64"
	"fmt"
	"os"

	"skytask.dev/tests/cluster/internal/layout"
)

// Kubeconfig renders a kubeconfig that embeds its certificates, so that the one
// file can be copied elsewhere.
func Kubeconfig(c layout.Cluster, server, identity string) ([]byte, error) {
	var data [3]string
	for i, path := range []string{c.Cert("ca"), c.Cert(identity), c.Key(identity)} {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		data[i] = base64.StdEncoding.EncodeToString(raw)
	}
	name := c.Netns()
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[4]s
  user:
    client-certificate-data: %[5]s
    client-key-data: %[6]s
contexts:
- name: %[1]s
  context:
    cluster: %[1]s
    user: %[4]s
current-context: %[1]s
`, name, server, data[0], identity, data[1], data[2]), nil
}

// WriteKubeconfig writes a kubeconfig file for an identity, replacing it only
// when it changes.
func WriteKubeconfig(c layout.Cluster, path, server, identity string) error {
	data, err := Kubeconfig(c, server, identity)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
