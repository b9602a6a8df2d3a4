// Package netns makes the cluster's network namespace and runs code and
// programs inside it.
package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skytask.dev/tests/cluster/internal/layout"
)

// Exists says whether the cluster's namespace is there.
func Exists(c layout.Cluster) bool {
	var fs unix.Statfs_t
	return unix.Statfs(c.NetnsFile(), &fs) == nil && fs.Type == unix.NSFS_MAGIC
}

// Create makes the namespace when it is missing. It must be called in the
// host's mount namespace, so that `ip netns` shows it there.
func Create(c layout.Cluster) error {
	if Exists(c) {
		return nil
	}
	_ = os.Remove(c.NetnsFile()) // an empty file that a reboot left behind
	return run(exec.Command("ip", "netns", "add", c.Netns()))
}

// Delete removes the namespace, and with it every interface, route and
// iptables rule inside.
func Delete(c layout.Cluster) error {
	if _, err := os.Stat(c.NetnsFile()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := run(exec.Command("ip", "netns", "delete", c.Netns())); err != nil {
		return os.Remove(c.NetnsFile())
	}
	return nil
}

// Command is a program that will run inside the namespace. It is entered by
// nsenter, since `ip netns exec` would also replace /sys and hide the cgroups.
func Command(c layout.Cluster, name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=" + c.NetnsFile(), "--", name}, args...)...)
}

// Configure brings up the namespace's own network: loopback, forwarding, one
// bridge for each node's address, and a route for Services. It can be repeated.
func Configure(c layout.Cluster) error {
	script := []string{
		"ip link set lo up",
		"echo 1 > /proc/sys/net/ipv4/ip_forward",
		"echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables",
	}
	for _, n := range c.Nodes() {
		// A bridge carries the address because not every kernel has dummy devices.
		bridge := addressBridge(n)
		script = append(script,
			fmt.Sprintf("ip link show %[1]s >/dev/null 2>&1 || ip link add %[1]s type bridge", bridge),
			fmt.Sprintf("ip addr replace %s/32 dev %s", n.Address, bridge),
			fmt.Sprintf("ip link set %s up", bridge))
	}
	// Without any route the kernel refuses a Service address before iptables sees it.
	first := c.Node(0)
	script = append(script, fmt.Sprintf("ip route replace %s dev node0 src %s", layout.ServiceCIDR, first.Address))
	return run(Command(c, "sh", "-ec", strings.Join(script, "\n")))
}

func addressBridge(n layout.Node) string { return fmt.Sprintf("node%d", n.Index) }

// RemoveNode removes the bridges of a node that is gone. It can be repeated.
func RemoveNode(c layout.Cluster, n layout.Node) error {
	var script []string
	for _, bridge := range []string{n.Bridge, addressBridge(n)} {
		script = append(script, fmt.Sprintf("! ip link show %[1]s >/dev/null 2>&1 || ip link delete %[1]s", bridge))
	}
	return run(Command(c, "sh", "-ec", strings.Join(script, "\n")))
}

// CutPods removes the links of a node's pods: nothing that they still want to
// say gets out, as if the machine had lost its power.
func CutPods(c layout.Cluster, n layout.Node) error {
	script := "ip -o link show master " + n.Bridge + " 2>/dev/null | cut -d' ' -f2 | cut -d@ -f1 |" +
		" while read -r link; do ip link delete \"${link%:}\"; done"
	return run(Command(c, "sh", "-ec", script))
}

// Dial connects from inside the namespace.
func Dial(ctx context.Context, c layout.Cluster, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := Do(c, func() (err error) {
		conn, err = (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Do runs f on a thread that is inside the namespace. Sockets that f makes stay
// in the namespace; goroutines that f starts do not.
func Do(c layout.Cluster, f func() error) error {
	target, err := os.Open(c.NetnsFile())
	if err != nil {
		return fmt.Errorf("the cluster's network namespace: %w", err)
	}
	defer target.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime then ends the thread instead of giving
		// other goroutines one that is in the wrong namespace.
		runtime.LockOSThread()
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", c.Netns(), err)
			return
		}
		done <- f()
	}()
	return <-done
}

func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
