package supervise

import (
	"context"

	"skytask.dev/tests/cluster/internal/kubeapi"
)

// defaults are the objects that a real cluster's installer would bring.
var defaults = []struct{ path, manifest string }{
	{"/apis/storage.k8s.io/v1/storageclasses/standard", `{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
		"provisioner": "kubernetes.io/host-path", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}`},
	{"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns", `{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:coredns"},
		"rules": [
			{"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["list", "watch"]},
			{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]}`},
	{"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:coredns", `{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "system:coredns"},
		"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
		"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:coredns"}]}`},
}

// applyDefaults creates what is missing. What is there is left alone: a test
// may have changed it, and an idle cluster should see no writes.
func applyDefaults(ctx context.Context, api *kubeapi.Client) error {
	for _, d := range defaults {
		if api.Get(ctx, d.path, nil) == nil {
			continue
		}
		if err := api.Apply(ctx, d.path, d.manifest); err != nil {
			return err
		}
	}
	return nil
}
