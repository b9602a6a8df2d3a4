package component

import (
	"strings"
	"testing"

	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/procs"
)

// TestEveryComponentIsFoundByDown: a component without a path of its cluster in
// its arguments could not be told from somebody else's process.
func TestEveryComponentIsFoundByDown(t *testing.T) {
	c, _ := layout.New("/cache", "dev")
	other, _ := layout.New("/cache", "dev2")
	for _, wave := range Waves(c.WithNodes(2)) {
		for _, comp := range wave {
			p := procs.Process{Exe: "/cache/cluster/k/sky-cluster", Args: append([]string{"sky-cluster", comp.Program}, comp.Args...)}
			if comp.External {
				p = procs.Process{Exe: "/usr/bin/" + comp.Program, Args: append([]string{comp.Program}, comp.Args...)}
			}
			if !procs.Belongs(p, c, Verbs()) {
				t.Errorf("%s is not recognised", comp.Name)
			}
			if procs.Belongs(p, other, Verbs()) {
				t.Errorf("%s is taken for another cluster's", comp.Name)
			}
			if !comp.External && !IsVerb(comp.Program) {
				t.Errorf("%s has no verb", comp.Name)
			}
		}
	}
}

func TestAPIServerStartsAloneBetweenItsNeighbours(t *testing.T) {
	c, _ := layout.New("/cache", "dev")
	waves := Waves(c)
	if waves[0][0].Name != "etcd" || len(waves[1]) != 1 || waves[1][0].Name != "kube-apiserver" {
		t.Error("etcd must come before and all clients after the API server")
	}
}

func TestNodesDoNotShareDirectories(t *testing.T) {
	c, _ := layout.New("/cache", "dev")
	a, b := containerdConfig(c.Node(0)), containerdConfig(c.Node(1))
	if a == b || strings.Contains(b, c.Node(0).RunPath()) {
		t.Error("node 1 uses a directory of node 0")
	}
}
