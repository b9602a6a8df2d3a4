package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
	"skytask.dev/tests/cluster/internal/procs"
)

// MaxFault bounds a fault: a test that died must not leave a broken cluster.
const MaxFault = time.Hour

var errHeld = errors.New("kept dead by a fault")

// Fault is a request to kill a component and keep it dead for a while. A node's
// name stands for the whole machine.
type Fault struct {
	Target  string  `json:"target"`
	Seconds float64 `json:"seconds"`
}

// hold kills the program, without a warning as a crash does, and keeps it dead
// until start is called or the time is over.
func (c *child) hold(limit time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel == nil {
		return fmt.Errorf("%s is not started yet", c.comp.Name)
	}
	c.heldUntil = time.Now().Add(limit)
	if c.process == nil {
		return nil
	}
	// Not by its number, which may be another's once this one was reaped.
	if err := c.process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// inject kills what the fault names; it returns when that is gone.
func (s *Supervisor) inject(ctx context.Context, f Fault) error {
	limit := time.Duration(f.Seconds * float64(time.Second))
	if limit <= 0 || limit > MaxFault {
		return fmt.Errorf("a fault lasts more than nothing and at most %s", MaxFault)
	}
	chosen, err := s.targets(f.Target)
	if err != nil {
		return err
	}
	for _, c := range chosen {
		if err := c.hold(limit); err != nil {
			return err
		}
	}
	for _, c := range chosen {
		if err := c.awaitDeath(ctx); err != nil {
			return err
		}
	}
	if n, ok := s.nodeNamed(f.Target); ok {
		return s.killPods(n)
	}
	return nil
}

func (c *child) awaitDeath(ctx context.Context) error {
	for c.status().PID != 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// killPods ends what runs on a node whose runtime is dead. The network goes
// first: peers see silence, not connections that are closed.
func (s *Supervisor) killPods(n layout.Node) error {
	if err := netns.CutPods(s.cluster, n); err != nil {
		return err
	}
	if err := s.endShims(n); err != nil {
		return err
	}
	return procs.StopAll(func() []int { return host.CgroupProcesses(n.Cgroup()) }, 15*time.Second)
}

// endFault starts again what a fault keeps dead, everything when the name is
// empty, and waits until it works.
func (s *Supervisor) endFault(ctx context.Context, name string) error {
	chosen := s.children()
	if name != "" {
		var err error
		if chosen, err = s.targets(name); err != nil {
			return err
		}
	}
	chosen = slices.DeleteFunc(chosen, func(c *child) bool { return c.held() <= 0 })
	for _, c := range chosen {
		c.start()
	}
	for _, c := range chosen {
		if err := s.await(ctx, c, func(ctx context.Context) error { return s.healthy(ctx, c.comp) }); err != nil {
			return err
		}
	}
	return nil
}

// targets lists the components behind a name: a component's own, or a node's.
func (s *Supervisor) targets(name string) ([]*child, error) {
	wanted := []string{name}
	if n, ok := s.nodeNamed(name); ok {
		wanted = []string{n.Component("kubelet"), n.Component("containerd")}
	}
	var found []*child
	var names []string
	for _, c := range s.children() {
		names = append(names, c.comp.Name)
		if slices.Contains(wanted, c.comp.Name) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no component or node %q; there are %s", name, strings.Join(append(names, s.nodeNames()...), ", "))
	}
	return found, nil
}

func (s *Supervisor) nodeNamed(name string) (layout.Node, bool) {
	nodes := s.currentNodes()
	i := slices.IndexFunc(nodes, func(n layout.Node) bool { return n.Name == name })
	if i < 0 {
		return layout.Node{}, false
	}
	return nodes[i], true
}

func (s *Supervisor) nodeNames() []string {
	var names []string
	for _, n := range s.currentNodes() {
		names = append(names, n.Name)
	}
	return names
}

func (s *Supervisor) currentNodes() []layout.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster.WithNodes(s.nodes).Nodes()
}
