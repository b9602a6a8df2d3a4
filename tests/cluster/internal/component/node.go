package component

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"skytask.dev/tests/cluster/internal/egress"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/layout"
)

func containerd(c layout.Cluster, n layout.Node) Component {
	return Component{
		Name: n.Component("containerd"), Program: "containerd", External: true,
		Health: "unix:" + n.ContainerdSocket(),
		Args:   []string{"--config", n.Path("containerd.toml")},
		// Images come from the host's network, where there is one.
		Env: []string{"HTTP_PROXY=" + egress.URL(c), "HTTPS_PROXY=" + egress.URL(c), "NO_PROXY=" + egress.Direct},
	}
}

func containerdConfig(n layout.Node) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # Pod namespaces below the state directory, so that they end with the cluster.
  netns_mounts_under_state_dir = true
  # A profile would stay loaded in the kernel after the cluster is gone.
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE runc cannot lower oom_score_adj and no pod starts.
  restrict_oom_score_adj = %t
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`, n.Path("containerd"), n.RunPath("containerd"), n.ContainerdSocket(), layout.PauseImage,
		!hasCapSysResource(), host.CNIDir(), n.Path("cni"))
}

func hasCapSysResource() bool {
	const capSysResource = 24
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(status), "CapEff:")
	word, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	caps, err := strconv.ParseUint(strings.TrimSpace(word), 16, 64)
	return err == nil && caps&(1<<capSysResource) != 0
}

func cniConfig(n layout.Node) string {
	return fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": %q, "isGateway": true, "hairpinMode": true,
      "ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, n.Bridge, n.RunPath("ipam"), n.PodCIDR)
}

func kubelet(c layout.Cluster, n layout.Node) Component {
	return Component{
		Name: n.Component("kubelet"), Program: "kubelet",
		Health: fmt.Sprintf("http://127.0.0.1:%d/healthz", kubeletHealthPort(n)),
		Args: []string{
			"--config=" + n.Path("kubelet.yaml"),
			"--kubeconfig=" + kubeconfig(c, fmt.Sprintf("node-%d", n.Index)),
			"--root-dir=" + n.Path("kubelet"),
			"--cert-dir=" + n.Path("kubelet", "pki"),
			"--hostname-override=" + n.Name,
			"--node-ip=" + n.Address,
		},
	}
}

func kubeletHealthPort(n layout.Node) int { return 10248 + 100*n.Index }

func kubeletConfig(c layout.Cluster, n layout.Node) string {
	id := fmt.Sprintf("node-%d", n.Index)
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %s
healthzPort: %d
readOnlyPort: 0
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %q}
authorization: {mode: Webhook}
tlsCertFile: %q
tlsPrivateKeyFile: %q
containerRuntimeEndpoint: %q
cgroupDriver: cgroupfs
cgroupRoot: %s
failCgroupV1: false
failSwapOn: false
clusterDomain: %s
clusterDNS: [%s]
resolvConf: %q
podLogsDir: %q
volumePluginDir: %q
containerLogMaxSize: 10Mi
maxPods: 250
serializeImagePulls: false
kubeAPIQPS: 200
kubeAPIBurst: 400
eventRecordQPS: 200
eventBurst: 400
# Images come by load, not from a registry: never collect them.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 50Mi, nodefs.available: 1%%, nodefs.inodesFree: 1%%, imagefs.available: 1%%}
`, n.Address, kubeletHealthPort(n), c.Cert("ca"), c.Cert(id), c.Key(id), "unix://"+n.ContainerdSocket(),
		n.Cgroup(), layout.ClusterDomain, c.Node(0).Address, c.Path("config", "resolv.conf"),
		n.Path("pod-logs"), n.Path("kubelet", "volume-plugins"))
}
