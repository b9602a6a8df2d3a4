package supervise

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
	"skytask.dev/tests/cluster/internal/procs"
)

// removeNodes ends the nodes beyond the wanted number, with their pods, images
// and directories. It needs no API server, which may be down.
func (s *Supervisor) removeNodes(want int) ([]layout.Node, error) {
	all := s.currentNodes()
	if want >= len(all) {
		return nil, nil
	}
	removed := all[want:]
	for _, n := range removed {
		if err := s.endNode(n); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return removed, nil
}

func (s *Supervisor) endNode(n layout.Node) error {
	for _, program := range []string{"kubelet", "containerd"} {
		if c := s.takeChild(n.Component(program)); c != nil {
			c.stop()
		}
	}
	if err := s.endShims(n); err != nil {
		return err
	}
	pods := func() []int { return host.CgroupProcesses(n.Cgroup()) }
	if err := procs.StopAll(pods, 15*time.Second); err != nil {
		return err
	}
	if err := host.Unmount(n.Path(), n.RunPath()); err != nil {
		return err
	}
	if err := host.RemoveCgroup(n.Cgroup(), 10*time.Second); err != nil {
		return err
	}
	if err := netns.RemoveNode(s.cluster, n); err != nil {
		return err
	}
	for _, dir := range []string{n.Path(), n.RunPath()} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// takeChild removes a component from the waves, so that nobody starts it again.
func (s *Supervisor) takeChild(name string) *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, wave := range s.waves {
		if at := slices.IndexFunc(wave, func(c *child) bool { return c.comp.Name == name }); at >= 0 {
			s.waves[i] = slices.Delete(slices.Clone(wave), at, at+1)
			return wave[at]
		}
	}
	return nil
}

// endShims ends the programs that hold the node's containers: they live on when
// their runtime ends.
func (s *Supervisor) endShims(n layout.Node) error {
	found, err := procs.Find(s.cluster, component.Verbs())
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(p procs.Process) bool {
		return !slices.ContainsFunc(p.Args, func(arg string) bool { return strings.HasPrefix(arg, n.RunPath()+"/") })
	})
	if left := procs.Stop(found, 0); len(left) > 0 {
		return fmt.Errorf("process %d (%s) does not end", left[0].PID, left[0].Exe)
	}
	return nil
}

// forgetNodes removes nodes from the API, and the pods that were bound to them.
func (s *Supervisor) forgetNodes(ctx context.Context, removed []layout.Node) error {
	if len(removed) == 0 {
		return nil
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	for _, n := range removed {
		var pods podList
		if err := api.Get(ctx, "/api/v1/pods?fieldSelector=spec.nodeName="+n.Name, &pods); err != nil {
			return err
		}
		for _, pod := range pods.Items {
			path := "/api/v1/namespaces/" + pod.Metadata.Namespace + "/pods/" + pod.Metadata.Name
			if err := api.Delete(ctx, path); err != nil {
				return err
			}
		}
		if err := api.Delete(ctx, "/api/v1/nodes/"+n.Name); err != nil {
			return err
		}
	}
	return nil
}
