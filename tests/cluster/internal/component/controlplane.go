package component

import (
	"fmt"

	"skytask.dev/tests/cluster/internal/layout"
)

// Client limits of the controllers. The defaults (20 requests a second) would
// cap the cluster at about three Jobs a second and hide our own costs.
const (
	clientQPS   = 500
	clientBurst = 1000
)

func etcd(c layout.Cluster) Component {
	client := fmt.Sprintf("http://127.0.0.1:%d", layout.EtcdPort)
	peer := fmt.Sprintf("http://127.0.0.1:%d", layout.EtcdPeerPort)
	return Component{
		Name: "etcd", Program: "etcd", Health: client + "/health",
		Args: []string{
			"--name=default", "--data-dir=" + c.Path("etcd"),
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=default=" + peer,
			// A test cluster may lose its last second in a power cut.
			"--unsafe-no-fsync",
			"--log-level=warn", "--auto-compaction-retention=0",
		},
	}
}

func apiServer(c layout.Cluster) Component {
	address := c.Node(0).Address
	return Component{
		Name: "kube-apiserver", Program: "kube-apiserver", Health: apiURL(c) + "/readyz",
		Args: []string{
			"--advertise-address=" + address,
			fmt.Sprintf("--secure-port=%d", layout.APIPort),
			fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", layout.EtcdPort),
			"--service-cluster-ip-range=" + layout.ServiceCIDR,
			"--client-ca-file=" + c.Cert("ca"),
			"--tls-cert-file=" + c.Cert("apiserver"),
			"--tls-private-key-file=" + c.Key("apiserver"),
			"--service-account-issuer=https://kubernetes.default.svc." + layout.ClusterDomain,
			"--service-account-key-file=" + c.Path("pki", "service-account.pub"),
			"--service-account-signing-key-file=" + c.Key("service-account"),
			"--authorization-mode=Node,RBAC",
			// OwnerReferencesPermissionEnforcement: real clusters may have it, so tests must see it.
			"--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
			"--kubelet-client-certificate=" + c.Cert("apiserver-kubelet-client"),
			"--kubelet-client-key=" + c.Key("apiserver-kubelet-client"),
			"--kubelet-certificate-authority=" + c.Cert("ca"),
			// Without it logs and exec would look the node's name up in DNS.
			"--kubelet-preferred-address-types=InternalIP",
			"--allow-privileged=true",
			"--profiling=false",
			"--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
			"--audit-policy-file=" + c.Path("config", "audit-policy.yaml"),
			"--audit-log-path=" + c.Path("audit.log"),
			"--audit-log-maxsize=100", "--audit-log-maxbackup=3",
		},
	}
}

// auditPolicy records who wrote what, once per request, and no reads.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
`

func controllerManager(c layout.Cluster) Component {
	return Component{
		Name: "kube-controller-manager", Program: "kube-controller-manager",
		Health: "https://127.0.0.1:10257/healthz",
		Args: []string{
			"--kubeconfig=" + kubeconfig(c, "controller-manager"),
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file=" + c.Key("service-account"),
			"--root-ca-file=" + c.Cert("ca"),
			"--cluster-signing-cert-file=" + c.Cert("ca"),
			"--cluster-signing-key-file=" + c.Key("ca"),
			"--enable-hostpath-provisioner=true",
			fmt.Sprintf("--kube-api-qps=%d", clientQPS),
			fmt.Sprintf("--kube-api-burst=%d", clientBurst),
			"--concurrent-job-syncs=20",
			"--profiling=false",
		},
	}
}

func scheduler(c layout.Cluster) Component {
	return Component{
		Name: "kube-scheduler", Program: "kube-scheduler",
		Health: "https://127.0.0.1:10259/healthz",
		Args:   []string{"--config=" + c.Path("config", "scheduler.yaml"), "--bind-address=127.0.0.1"},
	}
}

func schedulerConfig(c layout.Cluster) string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection:
  kubeconfig: %q
  qps: %d
  burst: %d
`, kubeconfig(c, "scheduler"), clientQPS, clientBurst)
}
