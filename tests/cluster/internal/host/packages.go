// Package host looks at the machine the cluster runs on: what it lacks, and
// what the cluster changed on it.
package host

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"skytask.dev/tests/cluster/internal/layout"
)

// programs maps what must be on the machine to the Debian package that has it.
var programs = []struct{ file, pkg string }{
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"runc", "runc"},
	{"bridge", "containernetworking-plugins"},
	{"ip", "iproute2"},
	{"iptables", "iptables"},
	{"conntrack", "conntrack"},
	{"ethtool", "ethtool"},
	{"socat", "socat"},
	{"nsenter", "util-linux"},
	{"unshare", "util-linux"},
	{"mount", "mount"},
}

// CNIDirs is where distributions put the CNI plugins.
var CNIDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

// Packages lists the Debian packages that a cluster needs.
func Packages() []string { return packagesOf(func(string) bool { return true }) }

// Missing lists the packages that are not installed.
func Missing() []string { return packagesOf(func(file string) bool { return !installed(file) }) }

func packagesOf(want func(file string) bool) []string {
	var list []string
	seen := map[string]bool{}
	for _, p := range programs {
		if !seen[p.pkg] && want(p.file) {
			seen[p.pkg] = true
			list = append(list, p.pkg)
		}
	}
	return list
}

func installed(file string) bool {
	if file == "bridge" { // also a program of iproute2: the CNI plugin is meant
		return CNIDir() != ""
	}
	_, err := exec.LookPath(file)
	return err == nil
}

// CNIDir is the directory of the CNI plugins, "" when there is none.
func CNIDir() string {
	for _, dir := range CNIDirs {
		if _, err := os.Stat(dir + "/bridge"); err == nil {
			return dir
		}
	}
	return ""
}

// ExtendPath adds the directories of system programs, which a plain user's
// PATH, kept by su, does not have.
func ExtendPath() {
	path := os.Getenv("PATH")
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		if !strings.Contains(":"+path+":", ":"+dir+":") {
			path += ":" + dir
		}
	}
	os.Setenv("PATH", path)
}

// maxState keeps /nodes/0/kubelet/pod-resources/kubelet.sock within the 107
// bytes of a socket address.
const maxState = 60

// Check says what keeps a cluster from running here, all of it at once, each
// with what to do.
func Check(c layout.Cluster) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("a cluster needs root (namespaces, mounts, cgroups): run it as root, or set KUBECONFIG to use a cluster you have")
	}
	if missing := Missing(); len(missing) > 0 {
		return fmt.Errorf("missing programs; install them with:\n  apt-get install -y %s", strings.Join(missing, " "))
	}
	// The kubelet makes sockets below the state directory.
	if state := c.State(); len(state) > maxState {
		return fmt.Errorf("the path %s is too long for sockets (%d characters, at most %d): set SKY_CACHE_DIR to a shorter one", state, len(state), maxState)
	}
	return checkKernel(c.Cache)
}
