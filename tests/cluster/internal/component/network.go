package component

import (
	"fmt"

	"skytask.dev/tests/cluster/internal/layout"
)

// proxy serves every node: they share one network namespace.
func proxy(c layout.Cluster) Component {
	return Component{
		Name: "kube-proxy", Program: "kube-proxy", Health: "http://127.0.0.1:10256/healthz",
		Args: []string{"--config=" + c.Path("config", "proxy.yaml")},
	}
}

func proxyConfig(c layout.Cluster) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: %s
clusterCIDR: %s
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
clientConnection: {kubeconfig: %q}
# Zero leaves the connection tracking limits alone: they belong to the host.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 200ms}
`, c.Node(0).Name, layout.PodCIDR, kubeconfig(c, "proxy"))
}

func coreDNS(c layout.Cluster) Component {
	return Component{
		Name: "coredns", Program: "coredns", Health: "http://127.0.0.1:8181/ready",
		Args: []string{c.Path("config", "Corefile")},
	}
}

// corefile has no caching for the cluster's own names: a cached "no such name"
// would delay pods that look for their peers while these start. Other names do
// not exist: pods have no way out, and a failure would make them ask again.
func corefile(c layout.Cluster) string {
	return fmt.Sprintf(`. {
	bind %s
	ready 127.0.0.1:8181
	errors
	cache 30 {
		disable success %[2]s
		disable denial %[2]s
	}
	kubernetes %[2]s in-addr.arpa ip6.arpa {
		kubeconfig %[3]s
		pods insecure
		ttl 5
		fallthrough in-addr.arpa ip6.arpa
	}
	template ANY ANY {
		rcode NXDOMAIN
	}
}
`, c.Node(0).Address, layout.ClusterDomain, kubeconfig(c, "coredns"))
}
