package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const namespaces = "namespaces"

// checkKernel tries the kernel's features in throw-away namespaces, where a
// try cannot change the machine.
func checkKernel(cache string) error {
	if _, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables"); err != nil {
		_ = exec.Command("modprobe", "br_netfilter").Run() // judged by the file below
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(cache, ".probe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var problems []error
	for _, p := range []struct{ what, hint, script string }{
		{namespaces, "", "ip link set lo up"},
		{"bridges", "modprobe bridge", "ip link add probe0 type bridge"},
		{"veth pairs", "modprobe veth", "ip link add probe1 type veth peer name probe2"},
		{"iptables nat", "modprobe iptable_nat, or nft_chain_nat and nft_compat",
			"iptables -w -t nat -A POSTROUTING -m comment --comment probe -m mark --mark 1 -j MASQUERADE"},
		{"iptables conntrack match", "modprobe xt_conntrack", "iptables -w -A FORWARD -m conntrack --ctstate INVALID -j DROP"},
		{"br_netfilter", "modprobe br_netfilter", "echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables"},
		{"overlayfs on " + cache, "modprobe overlay; the cache directory must be on a disk file system such as ext4 (SKY_CACHE_DIR moves it)",
			"cd " + quote(dir) + " && mkdir -p l u w m && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m && touch m/x"},
	} {
		out, err := exec.Command("unshare", "--net", "--mount", "sh", "-ec", p.script).CombinedOutput()
		if err != nil && p.what == namespaces { // nothing else could be tried
			return fmt.Errorf("no namespaces here (%s): in a container, run it privileged; else the kernel needs CONFIG_NET_NS", strings.TrimSpace(string(out)))
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("this kernel cannot do %s (%s): try %s",
				p.what, strings.TrimSpace(string(out)), p.hint))
		}
	}
	return errors.Join(problems...)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
