// Package component knows the programs of a cluster: their arguments, their
// configuration files, and how to tell that they work.
package component

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/pki"
)

// SuperviseVerb is the hidden verb of the supervisor itself.
const SuperviseVerb = "supervise"

// verbs are the hidden verbs of the programs embedded in this binary.
var verbs = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "coredns"}

// IsVerb says whether a verb starts an embedded component.
func IsVerb(verb string) bool { return slices.Contains(verbs, verb) }

// Verbs lists the hidden verbs, the supervisor's included.
func Verbs() []string { return append(slices.Clone(verbs), SuperviseVerb) }

// Component is one supervised program.
type Component struct {
	Name string
	// Program is the embedded verb, or a program on the PATH when External.
	Program  string
	External bool
	Args     []string
	Env      []string // beyond the common environment
	// Health is a URL inside the namespace, or unix:PATH for a socket.
	Health string
}

// Waves lists the components in the order in which they can start: each wave
// needs the one before it. Stopping goes the other way round.
func Waves(c layout.Cluster) [][]Component {
	first := []Component{etcd(c)}
	last := []Component{controllerManager(c), scheduler(c), coreDNS(c), proxy(c)}
	for _, n := range c.Nodes() {
		first = append(first, containerd(c, n))
		last = append(last, kubelet(c, n))
	}
	return [][]Component{first, {apiServer(c)}, last}
}

// WriteConfig writes every configuration file and kubeconfig of the components.
func WriteConfig(c layout.Cluster) error {
	files := map[string]string{
		c.Path("config", "audit-policy.yaml"): auditPolicy,
		c.Path("config", "scheduler.yaml"):    schedulerConfig(c),
		c.Path("config", "proxy.yaml"):        proxyConfig(c),
		c.Path("config", "Corefile"):          corefile(c),
		c.Path("config", "resolv.conf"):       "nameserver " + c.Node(0).Address + "\n",
	}
	for _, n := range c.Nodes() {
		files[n.Path("containerd.toml")] = containerdConfig(n)
		files[n.Path("cni", "10-pods.conflist")] = cniConfig(n)
		files[n.Path("kubelet.yaml")] = kubeletConfig(c, n)
		for _, dir := range []string{n.Path("containerd"), n.Path("kubelet"), n.Path("pod-logs"), n.RunPath("containerd")} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writeChanged(path, content); err != nil {
			return err
		}
	}
	return writeKubeconfigs(c)
}

// writeChanged leaves an equal file alone, since the runtime watches its own,
// and never shows half a file.
func writeChanged(path, content string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == content {
		return nil
	}
	tmp := filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path))
	if err := os.WriteFile(tmp, []byte(content), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func writeKubeconfigs(c layout.Cluster) error {
	ids := []string{"controller-manager", "scheduler", "proxy", "coredns"}
	for _, n := range c.Nodes() {
		ids = append(ids, fmt.Sprintf("node-%d", n.Index))
	}
	for _, id := range ids {
		if err := pki.WriteKubeconfig(c, kubeconfig(c, id), apiURL(c), id); err != nil {
			return err
		}
	}
	return nil
}

func kubeconfig(c layout.Cluster, id string) string { return c.Path("config", id+".kubeconfig") }

// apiURL is the API server as seen inside the namespace.
func apiURL(c layout.Cluster) string {
	return fmt.Sprintf("https://%s:%d", c.Node(0).Address, layout.APIPort)
}
