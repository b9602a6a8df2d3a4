package podproc

import (
	"testing"

	"skytask.dev/tests/cluster/internal/layout"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"a/b":   {Namespace: "a", Pod: "b"},
		"a/b/c": {Namespace: "a", Pod: "b", Container: "c"},
		"a":     {}, "": {}, "a/": {}, "/b": {}, "a/b/": {}, "a/b/c/d": {},
	} {
		got, err := ParseTarget(text)
		if got != want || (err == nil) != (want != Target{}) {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
}

func TestCgroup(t *testing.T) {
	c, _ := layout.New("/c", "dev")
	var p pod
	p.Metadata.UID, p.Spec.NodeName, p.Status.QOSClass = "u", "node-1", "Burstable"
	if got := cgroup(c, p, container{ContainerID: "containerd://x"}); got != "/sky-dev/node-1/kubepods/burstable/podu/x" {
		t.Error(got)
	}
	p.Status.QOSClass = "Guaranteed"
	if got := cgroup(c, p, container{ContainerID: "containerd://x"}); got != "/sky-dev/node-1/kubepods/podu/x" {
		t.Error(got)
	}
	if got := cgroup(c, p, container{}); got != "/sky-dev/node-1/kubepods/podu/none" {
		t.Errorf("a container without an id has no processes: %s", got)
	}
}

func TestInnerPID(t *testing.T) {
	for status, want := range map[string]int{
		"Name:\tx\nNSpid:\t4711\t7\nNSpgid:\t4711\t1\n": 7,
		"Name:\tx\nNSpid:\t4711\n":                      4711,
		"Name:\tx\n":                                    0,
	} {
		if got := innerPID(status); got != want {
			t.Errorf("%q: %d", status, got)
		}
	}
}
