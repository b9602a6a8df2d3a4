package supervise

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
)

const (
	pollEvery = 50 * time.Millisecond
	// A component that ends this often while it is waited for will not come up.
	maxDeaths = 4
)

// await polls a condition that depends on a component. It gives up early when
// the component keeps dying, with the end of its log.
func (s *Supervisor) await(ctx context.Context, c *child, ok func(context.Context) error) error {
	deaths := c.status().Restarts
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := ok(attempt)
		cancel()
		if err == nil {
			return nil
		}
		status := c.status()
		if status.Restarts-deaths >= maxDeaths {
			return fmt.Errorf("%s keeps ending (%s); the end of %s:\n%s", c.comp.Name, status.LastExit, c.log, lastLines(c.log, 12))
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("waited %s: %w; the end of %s:\n%s", phaseLimit, err, c.log, lastLines(c.log, 12))
			}
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// healthy asks a component's own health endpoint, from inside the namespace.
func (s *Supervisor) healthy(ctx context.Context, comp component.Component) error {
	if path, ok := strings.CutPrefix(comp.Health, "unix:"); ok {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		// Some components sign their own certificate; nothing secret is asked.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return netns.Dial(ctx, s.cluster, network, address)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, comp.Health, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", comp.Health, resp.Status)
	}
	return nil
}

// awaitUsable waits for what a user expects to work right after `up`.
func (s *Supervisor) awaitUsable(ctx context.Context, cluster layout.Cluster) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	children := map[string]*child{}
	for _, c := range s.children() {
		children[c.comp.Name] = c
	}
	for _, n := range cluster.Nodes() {
		kubelet := children[n.Component("kubelet")]
		if err := s.await(ctx, kubelet, func(ctx context.Context) error { return nodeUsable(ctx, api, n, kubelet) }); err != nil {
			return err
		}
	}
	serviceAccount := func(ctx context.Context) error {
		return api.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	}
	if err := s.await(ctx, children["kube-controller-manager"], serviceAccount); err != nil {
		return err
	}
	return s.await(ctx, children["coredns"], s.resolves)
}

// resolves asks the cluster's DNS for a Service that always exists.
func (s *Supervisor) resolves(ctx context.Context) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return netns.Dial(ctx, s.cluster, network, s.cluster.Node(0).Address+":53")
	}}
	_, err := resolver.LookupHost(ctx, "kubernetes.default.svc."+layout.ClusterDomain+".")
	return err
}
