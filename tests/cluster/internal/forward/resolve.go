package forward

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"skytask.dev/tests/cluster/internal/kubeapi"
)

// freshness bounds how long a Service's address is trusted: short enough to
// follow a reinstall, long enough not to ask for every connection of a burst.
const freshness = time.Second

type service struct {
	Spec struct {
		ClusterIP string `json:"clusterIP"`
		Ports     []struct {
			Name string `json:"name"`
			Port int    `json:"port"`
		} `json:"ports"`
	} `json:"spec"`
}

// Resolver finds the address of a forward's Service.
type Resolver struct {
	API func() (*kubeapi.Client, error)

	mu    sync.Mutex
	known map[Forward]answer
}

type answer struct {
	address string
	at      time.Time
}

// Address is the Service's cluster address and port.
func (r *Resolver) Address(ctx context.Context, f Forward) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a, ok := r.known[f]; ok && time.Since(a.at) < freshness {
		return a.address, nil
	}
	api, err := r.API()
	if err != nil {
		return "", err
	}
	var s service
	if err := api.Get(ctx, fmt.Sprintf("/api/v1/namespaces/%s/services/%s", f.Namespace, f.Service), &s); err != nil {
		return "", err
	}
	address, err := pick(s, f)
	if err != nil {
		return "", err
	}
	if r.known == nil {
		r.known = map[Forward]answer{}
	}
	r.known[f] = answer{address, time.Now()}
	return address, nil
}

// Forget drops what is known about a forward, after a failed connection.
func (r *Resolver) Forget(f Forward) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, f)
}

func pick(s service, f Forward) (string, error) {
	if net.ParseIP(s.Spec.ClusterIP) == nil {
		return "", fmt.Errorf("service %s/%s has no cluster IP (headless?): forward needs one", f.Namespace, f.Service)
	}
	for _, p := range s.Spec.Ports {
		if p.Name == f.Target || strconv.Itoa(p.Port) == f.Target {
			return net.JoinHostPort(s.Spec.ClusterIP, strconv.Itoa(p.Port)), nil
		}
	}
	return "", fmt.Errorf("service %s/%s has no port %s", f.Namespace, f.Service, f.Target)
}
