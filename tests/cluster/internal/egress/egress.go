// Package egress is a small HTTP proxy between the cluster's network namespace
// and the host's network. The container runtime pulls images through it, so
// that no route, NAT rule or interface has to be added to the host.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"skytask.dev/tests/cluster/internal/forward"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
)

// Port is where the proxy listens on the first node's address.
const Port = 3128

// Direct is what programs inside the cluster reach without the proxy, in the
// form of NO_PROXY.
const Direct = "localhost,127.0.0.0/8,10.250.0.0/16," + layout.PodCIDR + "," + layout.ServiceCIDR

// URL is the proxy as seen from inside the cluster.
func URL(c layout.Cluster) string { return fmt.Sprintf("http://%s:%d", c.Node(0).Address, Port) }

// Start serves until the process ends. It can be called once per namespace.
func Start(c layout.Cluster) error {
	var l net.Listener
	err := netns.Do(c, func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf("%s:%d", c.Node(0).Address, Port))
		return err
	})
	if err != nil {
		return fmt.Errorf("the proxy for image pulls: %w", err)
	}
	go func() { log.Printf("egress: %v", http.Serve(l, &proxy{dialer()})) }()
	return nil
}

// errLocal refuses what only the host itself should reach: a pod could
// otherwise talk to services that listen on the host's loopback.
var errLocal = errors.New("local addresses are not reachable through this proxy")

func dialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if ip := target.Addr().Unmap(); ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() {
			return errLocal
		}
		return nil
	}}
}

type proxy struct{ dialer *net.Dialer }

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.tunnel(w, r)
		return
	}
	if !r.URL.IsAbs() {
		http.Error(w, "this is a proxy: ask it for an absolute URL", http.StatusBadRequest)
		return
	}
	r.RequestURI = ""
	r.Header.Del("Proxy-Connection")
	transport := &http.Transport{DialContext: p.dialer.DialContext, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		refuse(w, err)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // either side may leave early
}

func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 15*time.Second)
	defer cancel()
	upstream, err := p.dialer.DialContext(ctx, "tcp", r.Host)
	if err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		upstream.Close()
		return
	}
	// What the client sent right after its request is in the buffer already.
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n)
		if _, err := upstream.Write(early); err != nil {
			upstream.Close()
			client.Close()
			return
		}
	}
	forward.Join(client.(*net.TCPConn), upstream.(*net.TCPConn))
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if errors.Is(err, errLocal) {
		status = http.StatusForbidden
	}
	http.Error(w, err.Error(), status)
}
