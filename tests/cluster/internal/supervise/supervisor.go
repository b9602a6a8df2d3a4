// Package supervise is the cluster's long-running supervisor: it starts the
// components, restarts them, forwards ports, and answers on a control socket.
package supervise

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/forward"
	"skytask.dev/tests/cluster/internal/kubeapi"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
	"skytask.dev/tests/cluster/internal/procs"
)

// Supervisor runs one cluster.
type Supervisor struct {
	cluster layout.Cluster
	self    string // this program, reachable even after its file was replaced

	ensuring sync.Mutex // one Ensure at a time; guards images
	images   bool       // the proxy for image pulls and the private registry are open
	table    *forward.Table
	resolver *forward.Resolver

	mu      sync.Mutex // guards what status reads
	waves   [][]*child
	nodes   int
	api     *kubeapi.Client
	apiPort int
	apiOpen net.Listener
	ready   bool
	problem string
}

// Run is the supervisor's main: it serves until SIGTERM.
func Run(c layout.Cluster) error {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	s := &Supervisor{cluster: c, self: fmt.Sprintf("/proc/%d/exe", os.Getpid())}
	s.resolver = &forward.Resolver{API: s.client}
	table, err := forward.NewTable(c.Path("forwards.json"), s.dialService)
	if err != nil {
		return err
	}
	s.table = table
	if err := s.endOrphans(); err != nil {
		return err
	}
	s.makeChildren(c.WithNodes(readSettings(c).Nodes))
	control, err := s.listenControl()
	if err != nil {
		return err
	}
	go trimLogs(c.Path("logs"))
	log.Printf("supervisor %d of cluster %s", os.Getpid(), c.Name)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	control.Close()
	s.stopAll()
	return nil
}

// endOrphans ends components that an earlier supervisor left. The shims stay:
// with them, pods live through it.
func (s *Supervisor) endOrphans() error {
	found, err := procs.Find(s.cluster, component.Verbs())
	if err != nil {
		return err
	}
	orphans := slices.DeleteFunc(found, func(p procs.Process) bool {
		base := filepath.Base(p.Exe)
		return base != "containerd" && !component.IsVerb(p.Verb())
	})
	if left := procs.Stop(orphans, 0); len(left) > 0 {
		return fmt.Errorf("%d processes of an earlier run cannot be ended, the first is %d", len(left), left[0].PID)
	}
	return nil
}

// makeChildren adds what is missing of the components that the cluster has
// with its number of nodes.
func (s *Supervisor) makeChildren(c layout.Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes = len(c.Nodes())
	for i, wave := range component.Waves(c) {
		if i == len(s.waves) {
			s.waves = append(s.waves, nil)
		}
		for _, comp := range wave {
			if !slices.ContainsFunc(s.waves[i], func(c *child) bool { return c.comp.Name == comp.Name }) {
				s.waves[i] = append(s.waves[i], newChild(comp, s.cluster.Log(comp.Name), s.command(comp)))
			}
		}
	}
}

func (s *Supervisor) command(comp component.Component) func() *exec.Cmd {
	return func() *exec.Cmd {
		name, args := s.self, append([]string{comp.Program}, comp.Args...)
		if comp.External {
			name, args = comp.Program, comp.Args
		}
		cmd := netns.Command(s.cluster, name, args...)
		cmd.Dir = s.cluster.State()
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.cluster.State(), "LANG=C.UTF-8"}, comp.Env...)
		return cmd
	}
}

// stopAll ends the components, clients before what they use.
func (s *Supervisor) stopAll() {
	for i := range slices.Backward(s.waves) {
		var group sync.WaitGroup
		for _, c := range s.wave(i) {
			group.Go(c.stop)
		}
		group.Wait()
	}
}

func (s *Supervisor) children() []*child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.waves...)
}

// wave is a copy: a node may be added while it is used.
func (s *Supervisor) wave(i int) []*child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.waves[i])
}

// client is the API client; it needs certificates and is made when they exist.
func (s *Supervisor) client() (*kubeapi.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api == nil {
		api, err := kubeapi.New(s.cluster)
		if err != nil {
			return nil, err
		}
		s.api = api
	}
	return s.api, nil
}

// dialAPI connects to the API server for the host's forwarder.
func (s *Supervisor) dialAPI(ctx context.Context) (net.Conn, error) {
	return netns.Dial(ctx, s.cluster, "tcp", fmt.Sprintf("%s:%d", s.cluster.Node(0).Address, layout.APIPort))
}

// dialService connects to a forward's Service, looked up when it is needed.
func (s *Supervisor) dialService(f forward.Forward) forward.DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		address, err := s.resolver.Address(ctx, f)
		if err != nil {
			return nil, err
		}
		conn, err := netns.Dial(ctx, s.cluster, "tcp", address)
		if err != nil {
			s.resolver.Forget(f)
		}
		return conn, err
	}
}

const (
	maxLog      = 32 << 20
	trimEvery   = 30 * time.Second
	keptLogTail = 1 << 20
)

// trimLogs keeps the components' log files bounded. They are open for
// appending, so they can be cut in place.
func trimLogs(dir string) {
	for range time.Tick(trimEvery) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Size() > maxLog {
				path := filepath.Join(dir, e.Name())
				tail := readTail(path, keptLogTail)
				if err := os.Truncate(path, 0); err == nil {
					_ = os.WriteFile(path+".old", tail, 0o600)
				}
			}
		}
	}
}
