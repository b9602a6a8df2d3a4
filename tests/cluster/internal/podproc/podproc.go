// Package podproc finds the processes of a pod on this machine, by the cgroup
// that the kubelet made for each container: that works without a runtime, too.
package podproc

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/kubeapi"
	"skytask.dev/tests/cluster/internal/layout"
)

// Target is a pod, and one container of it when that is not empty.
type Target struct{ Namespace, Pod, Container string }

// Process is one process of a container.
type Process struct {
	PID       int // on this machine
	Inner     int // inside the container, where 1 is its first process
	Container string
	Command   string
}

// ParseTarget reads NAMESPACE/POD[/CONTAINER].
func ParseTarget(text string) (Target, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return Target{}, fmt.Errorf("%q: write NAMESPACE/POD or NAMESPACE/POD/CONTAINER", text)
	}
	t := Target{Namespace: parts[0], Pod: parts[1]}
	if len(parts) == 3 {
		t.Container = parts[2]
	}
	return t, nil
}

type pod struct {
	Metadata struct{ UID string }      `json:"metadata"`
	Spec     struct{ NodeName string } `json:"spec"`
	Status   struct {
		QOSClass              string      `json:"qosClass"`
		InitContainerStatuses []container `json:"initContainerStatuses"`
		ContainerStatuses     []container `json:"containerStatuses"`
	} `json:"status"`
}

type container struct {
	Name        string `json:"name"`
	ContainerID string `json:"containerID"`
}

// List returns the processes of a pod's containers, each container's own first
// process first.
func List(ctx context.Context, api *kubeapi.Client, c layout.Cluster, t Target) ([]Process, error) {
	var p pod
	if err := api.Get(ctx, "/api/v1/namespaces/"+t.Namespace+"/pods/"+t.Pod, &p); err != nil {
		return nil, err
	}
	var list []Process
	for _, ctr := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if t.Container != "" && t.Container != ctr.Name {
			continue
		}
		list = append(list, inCgroup(cgroup(c, p, ctr), ctr.Name)...)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no process of %s/%s runs on %s", t.Namespace, t.Pod, p.Spec.NodeName)
	}
	return list, nil
}

// cgroup is the container's place below its node's root cgroup. The kubelet
// makes one level for each class of service but the guaranteed one.
func cgroup(c layout.Cluster, p pod, ctr container) string {
	_, id, ok := strings.Cut(ctr.ContainerID, "://")
	if !ok || id == "" { // not created yet: its directory would be the whole pod's
		id = "none"
	}
	root := "/" + c.Netns() + "/" + p.Spec.NodeName + "/kubepods"
	if class := strings.ToLower(p.Status.QOSClass); class != "guaranteed" {
		root = path.Join(root, class)
	}
	return path.Join(root, "pod"+p.Metadata.UID, id)
}

func inCgroup(cgroup, container string) []Process {
	var list []Process
	for _, pid := range host.CgroupProcesses(cgroup) {
		dir := fmt.Sprintf("/proc/%d/", pid)
		status, err1 := os.ReadFile(dir + "status")
		cmdline, err2 := os.ReadFile(dir + "cmdline")
		if err1 != nil || err2 != nil {
			continue // it has ended
		}
		command := strings.Join(strings.FieldsFunc(string(cmdline), func(r rune) bool { return r == 0 || r == '\n' || r == '\t' }), " ")
		list = append(list, Process{PID: pid, Inner: innerPID(string(status)), Container: container, Command: command})
	}
	slices.SortFunc(list, func(a, b Process) int { return a.Inner - b.Inner })
	return list
}

// innerPID is the last number of the NSpid line: the innermost namespace's.
func innerPID(status string) int {
	_, rest, _ := strings.Cut(status, "\nNSpid:")
	line, _, _ := strings.Cut(rest, "\n")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return 0
	}
	inner, _ := strconv.Atoi(fields[len(fields)-1]) // 0 says unknown
	return inner
}
