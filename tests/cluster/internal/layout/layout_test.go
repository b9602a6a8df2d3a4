package layout

import "testing"

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"sky": true, "dev-2": true, "": false, "Sky": false, "a/b": false, "..": false,
		"-a": false, "abcdefghijklmnopqrstuvwxyz": false,
	} {
		if _, err := New("/c", name); (err == nil) != ok {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	c, err := New("/c", "dev")
	if err != nil {
		t.Fatal(err)
	}
	n := c.Node(1)
	for got, want := range map[string]string{
		c.Path("a", "b"):         "/c/clusters/dev/a/b",
		c.NetnsFile():            "/run/netns/sky-dev",
		n.Address:                "10.250.0.2",
		n.PodCIDR:                "10.244.1.0/24",
		n.Cgroup():               "/sky-dev/node-1",
		n.Path("kubelet"):        "/c/clusters/dev/nodes/1/kubelet",
		n.ContainerdSocket():     "/run/skytask/dev/1/containerd.sock",
		n.Component("kubelet"):   "kubelet-1",
		c.Node(0).Component("x"): "x",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNodes(t *testing.T) {
	c, _ := New("/c", "dev")
	for count, want := range map[int]int{0: 1, 1: 1, 3: 3} {
		if got := len(c.WithNodes(count).Nodes()); got != want {
			t.Errorf("%d nodes: got %d", count, got)
		}
	}
	if len(c.Nodes()) != 1 {
		t.Error("WithNodes changed the cluster that it was asked of")
	}
}

func TestDefaults(t *testing.T) {
	t.Setenv("SKY_CLUSTER_NAME", "")
	if DefaultName() != "sky" {
		t.Error(DefaultName())
	}
	t.Setenv("SKY_CLUSTER_NAME", "other")
	if DefaultName() != "other" {
		t.Error(DefaultName())
	}
	t.Setenv("SKY_CACHE_DIR", "/x")
	if dir, err := CacheDir(); err != nil || dir != "/x" {
		t.Error(dir, err)
	}
}
