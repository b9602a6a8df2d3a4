package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skytask.dev/tests/cluster/internal/kubeapi"
	"skytask.dev/tests/cluster/internal/layout"
)

// youngKubelet is how long after its start a kubelet is asked whether it knows
// its pods; later it does.
const youngKubelet = time.Minute

// nodeUsable wants the node ready and its pods in the kubelet's hands.
func nodeUsable(ctx context.Context, api *kubeapi.Client, n layout.Node, kubelet *child) error {
	started, err := kubelet.startedAt()
	if err != nil {
		return err
	}
	if err := nodeReady(ctx, api, n, started); err != nil {
		return err
	}
	if time.Since(started) > youngKubelet {
		return nil
	}
	return knowsItsPods(ctx, api, n)
}

// nodeReady wants the node Ready, said by the kubelet that runs now: a node
// whose kubelet died stays Ready for most of a minute.
func nodeReady(ctx context.Context, api *kubeapi.Client, n layout.Node, started time.Time) error {
	var lease struct {
		Spec struct {
			RenewTime time.Time `json:"renewTime"`
		} `json:"spec"`
	}
	// A new kubelet writes the node at once and the lease some seconds later, a
	// restarted one the other way round.
	var missing kubeapi.NotFound
	err := api.Get(ctx, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+n.Name, &lease)
	if err != nil && !errors.As(err, &missing) {
		return err
	}
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			} `json:"conditions"`
		} `json:"status"`
	}
	if err := api.Get(ctx, "/api/v1/nodes/"+n.Name, &node); err != nil {
		return err
	}
	for _, cond := range node.Status.Conditions {
		switch {
		case cond.Type != "Ready":
		case cond.Status != "True":
			return fmt.Errorf("node %s is not ready: %s", n.Name, cond.Message)
		case cond.LastHeartbeatTime.Before(started.Truncate(time.Second)) && lease.Spec.RenewTime.Before(started):
			return fmt.Errorf("node %s: its kubelet has not reported since it was started", n.Name)
		default:
			return nil
		}
	}
	return fmt.Errorf("node %s has not reported yet", n.Name)
}

type podList struct {
	Items []struct {
		Metadata struct{ Name, Namespace, UID string } `json:"metadata"`
		Status   struct{ Phase string }                `json:"status"`
	} `json:"items"`
}

// knowsItsPods compares the kubelet's pods with the API server's. A restarted
// kubelet knows none for about a second, and logs and exec fail until then.
func knowsItsPods(ctx context.Context, api *kubeapi.Client, n layout.Node) error {
	var want, have podList
	if err := api.Get(ctx, "/api/v1/pods?fieldSelector=spec.nodeName="+n.Name, &want); err != nil {
		return err
	}
	if err := api.Get(ctx, "/api/v1/nodes/"+n.Name+"/proxy/pods", &have); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, pod := range have.Items {
		known[pod.Metadata.UID] = true
	}
	for _, pod := range want.Items {
		if pod.Status.Phase == "Running" && !known[pod.Metadata.UID] {
			return fmt.Errorf("node %s: the kubelet does not know pod %s yet", n.Name, pod.Metadata.Name)
		}
	}
	return nil
}
