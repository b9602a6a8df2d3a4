package egress

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// through makes a client that goes through a proxy with the given dialer.
func through(t *testing.T, d *net.Dialer) *http.Client {
	t.Helper()
	server := httptest.NewServer(&proxy{d})
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: &http.Transport{
		Proxy:           func(*http.Request) (*url.URL, error) { return address, nil },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

func TestBothWaysThrough(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Test", "kept")
		io.WriteString(w, "hello")
	})
	plain, secure := httptest.NewServer(hello), httptest.NewTLSServer(hello)
	defer plain.Close()
	defer secure.Close()
	client := through(t, &net.Dialer{})
	for _, target := range []string{plain.URL, secure.URL} {
		resp, err := client.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if string(body) != "hello" || resp.Header.Get("X-Test") != "kept" {
			t.Error(target, string(body), resp.Header)
		}
	}
}

func TestTheHostItselfIsOutOfReach(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	resp, err := through(t, dialer()).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusForbidden {
		t.Error("a loopback address answers", resp.Status)
	}
}
