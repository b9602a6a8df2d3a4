// Package layout says where everything of a cluster lives: directories,
// addresses, names. It does no IO beyond reading the environment.
package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Addresses inside the cluster's network namespace. They are the same for every
// cluster, since each one has a namespace of its own.
const (
	ServiceCIDR   = "10.96.0.0/16"
	PodCIDR       = "10.244.0.0/16"
	APIServiceIP  = "10.96.0.1"
	APIPort       = 6443
	EtcdPort      = 2379
	EtcdPeerPort  = 2380
	ClusterDomain = "cluster.local"
	// DefaultHostPort is where the host reaches the API server of the first cluster.
	DefaultHostPort = 16443
	// PauseImage is the sandbox image that this tool builds itself.
	PauseImage = "localhost/pause:dev"
)

// RunRoot holds what must not outlive a reboot: sockets, container state, and
// the record of what was changed on this machine. It is one place for every
// cache directory, so two of them cannot use one cluster name unnoticed.
const RunRoot = "/run/skytask"

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)

// MaxNodes bounds the nodes of a cluster: they share one machine.
const MaxNodes = 4

// Cluster is one named cluster's place on this machine.
type Cluster struct {
	Name  string
	Cache string
	nodes int // one when zero
}

// Node is one machine of the cluster. More nodes differ only in their index.
type Node struct {
	Index   int
	Name    string
	Address string
	PodCIDR string
	Gateway string
	Bridge  string
	cluster Cluster
}

// CacheDir is the directory that all clusters, binaries and images share.
func CacheDir() (string, error) {
	dir := os.Getenv("SKY_CACHE_DIR")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no home directory: set SKY_CACHE_DIR to a directory for caches and cluster state")
		}
		dir = filepath.Join(home, ".cache", "skytask")
	}
	return filepath.Abs(dir)
}

// DefaultName is the cluster that verbs mean when --name is not given.
func DefaultName() string {
	if name := os.Getenv("SKY_CLUSTER_NAME"); name != "" {
		return name
	}
	return "sky"
}

// New checks the name and returns the cluster's layout.
func New(cache, name string) (Cluster, error) {
	if !validName.MatchString(name) {
		return Cluster{}, fmt.Errorf("cluster name %q: use at most 24 lower-case letters, digits and '-', starting with a letter", name)
	}
	return Cluster{Name: name, Cache: cache}, nil
}

// State is the cluster's directory on disk; `down` removes it.
func (c Cluster) State() string { return filepath.Join(c.Cache, "clusters", c.Name) }

// Run is the cluster's directory for sockets and mounts; `down` removes it too.
func (c Cluster) Run() string { return filepath.Join(RunRoot, c.Name) }

// Path joins elements below the state directory.
func (c Cluster) Path(elem ...string) string {
	return filepath.Join(append([]string{c.State()}, elem...)...)
}

// RunPath joins elements below the run directory.
func (c Cluster) RunPath(elem ...string) string {
	return filepath.Join(append([]string{c.Run()}, elem...)...)
}

// Netns is the name of the network namespace and of the root cgroup.
func (c Cluster) Netns() string { return "sky-" + c.Name }

// NetnsFile is the file that keeps the namespace alive.
func (c Cluster) NetnsFile() string { return "/run/netns/" + c.Netns() }

// Kubeconfig is the administrator's kubeconfig, through the host's forwarder.
func (c Cluster) Kubeconfig() string { return c.Path("kubeconfig") }

// ControlSocket is where the supervisor listens.
func (c Cluster) ControlSocket() string { return c.RunPath("control.sock") }

// Lock serialises up, down and load of one cluster name on this machine.
// Cluster names start with a letter, so the dot keeps it apart from Run.
func (c Cluster) Lock() string { return filepath.Join(RunRoot, "."+c.Name+".lock") }

// Log is the log file of a component.
func (c Cluster) Log(component string) string { return c.Path("logs", component+".log") }

// Cert and Key are the files of one issued identity.
func (c Cluster) Cert(id string) string { return c.Path("pki", id+".crt") }

// Key is the private key beside Cert.
func (c Cluster) Key(id string) string { return c.Path("pki", id+".key") }

// WithNodes is the same cluster with that many nodes, at least one.
func (c Cluster) WithNodes(count int) Cluster {
	c.nodes = count
	return c
}

// Nodes lists the cluster's nodes.
func (c Cluster) Nodes() []Node {
	var list []Node
	for i := range max(1, c.nodes) {
		list = append(list, c.Node(i))
	}
	return list
}

// Node is the i-th node.
func (c Cluster) Node(i int) Node {
	return Node{
		Index:   i,
		Name:    fmt.Sprintf("node-%d", i),
		Address: fmt.Sprintf("10.250.0.%d", i+1),
		PodCIDR: fmt.Sprintf("10.244.%d.0/24", i),
		Gateway: fmt.Sprintf("10.244.%d.1", i),
		Bridge:  fmt.Sprintf("pods%d", i),
		cluster: c,
	}
}

// Component names this node's instance of a program, as in logs and status.
func (n Node) Component(program string) string {
	if n.Index == 0 {
		return program
	}
	return fmt.Sprintf("%s-%d", program, n.Index)
}

// Path joins elements below the node's directory.
func (n Node) Path(elem ...string) string {
	return n.cluster.Path(append([]string{"nodes", fmt.Sprint(n.Index)}, elem...)...)
}

// RunPath joins elements below the node's run directory.
func (n Node) RunPath(elem ...string) string {
	return n.cluster.RunPath(append([]string{fmt.Sprint(n.Index)}, elem...)...)
}

// ContainerdSocket is the node's container runtime.
func (n Node) ContainerdSocket() string { return n.RunPath("containerd.sock") }

// Cgroup is the node's root cgroup, absolute within each hierarchy.
func (n Node) Cgroup() string {
	return fmt.Sprintf("/%s/node-%d", n.cluster.Netns(), n.Index)
}
