// Package kubeapi is the little of the Kubernetes API that the supervisor
// needs, without a client library.
package kubeapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
)

// Client talks to the API server inside the cluster's network namespace.
type Client struct {
	http *http.Client
	base string
}

// NotFound is the error for an object that does not exist.
type NotFound struct{ Path string }

func (e NotFound) Error() string { return e.Path + " not found" }

// New makes a client with the supervisor's certificate.
func New(c layout.Cluster) (*Client, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert("supervisor"), c.Key("supervisor"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.Cert("ca"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConnsPerHost: 8,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return netns.Dial(ctx, c, network, address)
		},
	}
	return &Client{
		http: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		base: fmt.Sprintf("https://%s:%d", c.Node(0).Address, layout.APIPort),
	}, nil
}

// Get reads an object into out.
func (k *Client) Get(ctx context.Context, path string, out any) error {
	return k.do(ctx, http.MethodGet, path, nil, "", out)
}

// Apply creates or updates an object by server-side apply.
func (k *Client) Apply(ctx context.Context, path, manifest string) error {
	return k.do(ctx, http.MethodPatch, path+"?fieldManager=sky-cluster&force=true",
		[]byte(manifest), "application/apply-patch+yaml", nil)
}

// Delete removes an object at once, without a grace period. One that is not
// there is as good.
func (k *Client) Delete(ctx context.Context, path string) error {
	err := k.do(ctx, http.MethodDelete, path+"?gracePeriodSeconds=0", nil, "", nil)
	var missing NotFound
	if errors.As(err, &missing) {
		return nil
	}
	return err
}

func (k *Client) do(ctx context.Context, method, path string, body []byte, kind string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, k.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound:
		return NotFound{path}
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, data)
	case out == nil:
		return nil
	}
	return json.Unmarshal(data, out)
}
