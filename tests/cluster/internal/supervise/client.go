package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"skytask.dev/tests/cluster/internal/forward"
	"skytask.dev/tests/cluster/internal/layout"
)

// Client talks to a running supervisor.
type Client struct{ http *http.Client }

// ErrNotRunning says that no supervisor answers.
var ErrNotRunning = errors.New("no supervisor is running")

// Connect makes a client of a cluster's supervisor.
func Connect(c layout.Cluster) *Client {
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", c.ControlSocket())
		},
	}}}
}

// Status asks for the cluster's state.
func (k *Client) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var st Status
	body, err := k.do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return st, err
	}
	defer body.Close()
	return st, json.NewDecoder(body).Decode(&st)
}

// Ensure brings the cluster up and reports each phase as it ends.
func (k *Client) Ensure(ctx context.Context, o Options, report func(Event)) (Status, error) {
	body, err := k.do(ctx, http.MethodPost, "/ensure", o)
	if err != nil {
		return Status{}, err
	}
	defer body.Close()
	for lines := json.NewDecoder(body); ; {
		var e Event
		if err := lines.Decode(&e); err != nil {
			return Status{}, fmt.Errorf("the supervisor went away: %w", err)
		}
		switch {
		case e.Error != "":
			return Status{}, errors.New(e.Error)
		case e.Status != nil:
			return *e.Status, nil
		}
		report(e)
	}
}

// AddForward registers a forward.
func (k *Client) AddForward(ctx context.Context, f forward.Forward) error {
	return k.call(ctx, http.MethodPost, "/forwards", f)
}

// RemoveForward forgets a forward.
func (k *Client) RemoveForward(ctx context.Context, port int) error {
	return k.call(ctx, http.MethodDelete, fmt.Sprintf("/forwards/%d", port), nil)
}

// Inject kills a component or a node and keeps it dead for a while.
func (k *Client) Inject(ctx context.Context, f Fault) error {
	return k.call(ctx, http.MethodPost, "/faults", f)
}

// EndFault starts it again, everything that is kept dead when the name is empty.
func (k *Client) EndFault(ctx context.Context, target string) error {
	return k.call(ctx, http.MethodDelete, strings.TrimSuffix("/faults/"+url.PathEscape(target), "/"), nil)
}

func (k *Client) call(ctx context.Context, method, path string, in any) error {
	body, err := k.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	return body.Close()
}

func (k *Client) do(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	resp, err := k.http.Do(req)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		message, _ := io.ReadAll(resp.Body)
		return nil, errors.New(strings.TrimSpace(string(message)))
	}
	return resp.Body, nil
}
