package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/egress"
	"skytask.dev/tests/cluster/internal/forward"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/image"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
	"skytask.dev/tests/cluster/internal/pki"
	"skytask.dev/tests/cluster/internal/registry"
)

// phaseLimit bounds each phase: slow machines are ten times faster than this.
const phaseLimit = 3 * time.Minute

const lastPhase = "node ready, defaults"

// Options are the user's wishes for the cluster.
type Options struct {
	APIPort int    `json:"apiPort,omitempty"`
	Nodes   int    `json:"nodes,omitempty"` // 0: as many as there are
	Pause   string `json:"pause"`           // the pause program
}

// Event is one line of the answer to an ensure request.
type Event struct {
	Phase   string  `json:"phase,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Error   string  `json:"error,omitempty"`
	Status  *Status `json:"status,omitempty"` // the last event has it
}

// Ensure brings the cluster up, or finds it up: every step is skipped or
// instant when its work is done. It reports each phase when that ends.
func (s *Supervisor) Ensure(ctx context.Context, o Options, report func(Event)) error {
	s.ensuring.Lock()
	defer s.ensuring.Unlock()
	if o.Nodes == 0 {
		o.Nodes = max(1, readSettings(s.cluster).Nodes)
	}
	removed, err := s.removeNodes(o.Nodes)
	if err != nil {
		return fmt.Errorf("removing nodes: %w", err)
	}
	c := s.cluster.WithNodes(o.Nodes)
	s.makeChildren(c)
	for _, phase := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"network, certificates", func(context.Context) error { return s.prepare(c, o) }},
		{"etcd, container runtime", func(ctx context.Context) error { return s.startWave(ctx, 0) }},
		{"API server", func(ctx context.Context) error { return s.startWave(ctx, 1) }},
		{"controllers, kubelet, DNS", func(ctx context.Context) error { return s.startRest(ctx, c, o) }},
		{lastPhase, func(ctx context.Context) error { return s.awaitUsable(ctx, c) }},
	} {
		begin := time.Now()
		limited, cancel := context.WithTimeout(ctx, phaseLimit)
		err := phase.run(limited)
		cancel()
		s.note(err == nil && phase.name == lastPhase, err)
		if err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		report(Event{Phase: phase.name, Seconds: time.Since(begin).Seconds()})
	}
	s.table.Open()
	return s.forgetNodes(ctx, removed)
}

func (s *Supervisor) note(ready bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready, s.problem = ready, ""
	if err != nil {
		s.problem = err.Error()
	}
}

func (s *Supervisor) prepare(c layout.Cluster, o Options) error {
	if err := host.SetUpMounts(c); err != nil {
		return err
	}
	if err := host.RaiseLimits(); err != nil {
		return err
	}
	for _, n := range c.Nodes() {
		if err := host.EnsureCgroup(n.Cgroup()); err != nil {
			return err
		}
	}
	if err := netns.Configure(c); err != nil {
		return err
	}
	if err := pki.Ensure(c); err != nil {
		return err
	}
	if err := component.WriteConfig(c); err != nil {
		return err
	}
	if !s.images {
		if err := errors.Join(egress.Start(c), registry.Start(c)); err != nil {
			return err
		}
		s.images = true
	}
	return s.openAPI(o.APIPort)
}

// openAPI opens the host's port, the recorded one when it is free, and points
// the kubeconfig at it.
func (s *Supervisor) openAPI(wish int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.apiOpen == nil || (wish != 0 && wish != s.apiPort) {
		preferred := layout.DefaultHostPort
		if recorded := readSettings(s.cluster).APIPort; recorded != 0 {
			preferred = recorded
		}
		l, port, err := forward.ListenAPI(wish, preferred)
		if err != nil {
			return err
		}
		if s.apiOpen != nil {
			s.apiOpen.Close()
		}
		s.apiOpen, s.apiPort = l, port
		go forward.Serve(l, s.dialAPI)
	}
	if err := writeSettings(s.cluster, settings{APIPort: s.apiPort, Nodes: s.nodes}); err != nil {
		return err
	}
	return pki.WriteKubeconfig(s.cluster, s.cluster.Kubeconfig(), fmt.Sprintf("https://127.0.0.1:%d", s.apiPort), "admin")
}

// settings are the wishes that the next `up` remembers.
type settings struct {
	APIPort int `json:"apiPort"`
	Nodes   int `json:"nodes,omitempty"`
}

func readSettings(c layout.Cluster) settings {
	var set settings
	data, err := os.ReadFile(c.Path("cluster.json"))
	if err != nil || json.Unmarshal(data, &set) != nil {
		return settings{}
	}
	return set
}

func writeSettings(c layout.Cluster, set settings) error {
	data, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Path("cluster.json"), data, 0o600)
}

// startWave starts what is not started yet and waits until it works.
func (s *Supervisor) startWave(ctx context.Context, i int) error {
	s.launch(i)
	for _, c := range s.wave(i) {
		if err := s.await(ctx, c, func(ctx context.Context) error { return s.healthy(ctx, c.comp) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Supervisor) launch(i int) {
	for _, c := range s.wave(i) {
		c.start()
	}
}

func (s *Supervisor) startRest(ctx context.Context, c layout.Cluster, o Options) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	if err := applyDefaults(ctx, api); err != nil {
		return err
	}
	s.launch(2)
	if err := s.loadPause(ctx, c, o.Pause); err != nil {
		return err
	}
	return s.startWave(ctx, 2)
}

// loadPause gives every node the sandbox image. It is loaded while the
// components start, which do not need it.
func (s *Supervisor) loadPause(ctx context.Context, c layout.Cluster, program string) error {
	archive := c.Path("pause.tar")
	if _, err := os.Stat(archive); err != nil {
		if err := image.WritePause(archive, program); err != nil {
			return err
		}
	}
	for _, n := range c.Nodes() {
		if _, err := image.Load(ctx, n, archive, ""); err != nil {
			return fmt.Errorf("the sandbox image: %w", err)
		}
	}
	return nil
}
