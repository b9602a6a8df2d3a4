package forward

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair is a forwarded connection: what a client sees and what the upstream sees.
func pair(t *testing.T) (client, upstream *net.TCPConn) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); front.Close() })
	go Serve(front, func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Addr().String())
	})
	c, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	u, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{c, u} {
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return c.(*net.TCPConn), u.(*net.TCPConn)
}

func TestAnswerArrivesAfterTheRequestEnded(t *testing.T) {
	client, upstream := pair(t)
	io.WriteString(client, "request")
	client.CloseWrite()
	if got, err := io.ReadAll(upstream); err != nil || string(got) != "request" {
		t.Fatal(string(got), err)
	}
	time.Sleep(50 * time.Millisecond)
	io.WriteString(upstream, "late answer")
	upstream.Close()
	if got, err := io.ReadAll(client); err != nil || string(got) != "late answer" {
		t.Fatal(string(got), err)
	}
}

func TestUpstreamMayFinishFirst(t *testing.T) {
	client, upstream := pair(t)
	upstream.CloseWrite()
	if got, err := io.ReadAll(client); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	io.WriteString(client, "still here")
	client.CloseWrite()
	if got, err := io.ReadAll(upstream); err != nil || string(got) != "still here" {
		t.Fatal(string(got), err)
	}
}

func TestAnAbortedClientEndsTheUpstream(t *testing.T) {
	client, upstream := pair(t)
	io.WriteString(client, "x")
	io.ReadFull(upstream, make([]byte, 1))
	client.SetLinger(0)
	client.Close()
	begin := time.Now()
	if _, err := upstream.Read(make([]byte, 1)); err == nil {
		t.Fatal("the upstream reads on")
	}
	if time.Since(begin) > time.Second {
		t.Error("noticed only after", time.Since(begin))
	}
}

func TestParseTarget(t *testing.T) {
	f, err := ParseTarget("8080", "default/gateway:http")
	if err != nil || f != (Forward{Port: 8080, Namespace: "default", Service: "gateway", Target: "http"}) {
		t.Error(f, err)
	}
	for _, bad := range [][2]string{{"0", "a/b:1"}, {"x", "a/b:1"}, {"70000", "a/b:1"}, {"1", "b:1"}, {"1", "a/b"}, {"1", "/b:1"}, {"1", "a/b/c:1"}} {
		if _, err := ParseTarget(bad[0], bad[1]); err == nil {
			t.Error("accepted", bad)
		}
	}
}

func TestTheAPIPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().(*net.TCPAddr).Port
	if _, _, err := ListenAPI(busy, 0); err == nil || !strings.Contains(err.Error(), "--api-port") {
		t.Error("a named port that is taken must be refused with advice:", err)
	}
	l, port, err := ListenAPI(0, busy)
	if err != nil || port == busy {
		t.Fatal(port, err)
	}
	l.Close()
}

func TestTableSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "forwards.json")
	dial := func(Forward) DialFunc { return nil }
	free, _ := net.Listen("tcp", "127.0.0.1:0")
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()

	first, err := NewTable(file, dial)
	if err != nil {
		t.Fatal(err)
	}
	f := Forward{Port: port, Namespace: "n", Service: "s", Target: "1"}
	if err := first.Add(f); err != nil {
		t.Fatal(err)
	}
	second, err := NewTable(file, dial)
	if err != nil {
		t.Fatal(err)
	}
	second.Open()
	if list := second.List(); len(list) != 1 || list[0].Problem == "" {
		t.Error("a port in use must be reported, not lost:", list)
	}
	if found, err := first.Remove(port); err != nil || !found {
		t.Error(found, err)
	}
	second.Open()
	if list := second.List(); list[0].Problem != "" {
		t.Error("open now, but:", list[0].Problem)
	}
	if found, _ := second.Remove(port); !found || len(second.List()) != 0 {
		t.Error("not removed")
	}
}

func TestPick(t *testing.T) {
	var s service
	f := Forward{Namespace: "n", Service: "s", Target: "http"}
	s.Spec.ClusterIP = "None"
	if _, err := pick(s, f); err == nil {
		t.Error("headless service accepted")
	}
	s.Spec.ClusterIP = "10.96.0.7"
	s.Spec.Ports = append(s.Spec.Ports, struct {
		Name string `json:"name"`
		Port int    `json:"port"`
	}{"http", 80})
	for _, target := range []string{"http", "80"} {
		f.Target = target
		if got, err := pick(s, f); err != nil || got != "10.96.0.7:80" {
			t.Error(got, err)
		}
	}
	f.Target = "81"
	if _, err := pick(s, f); err == nil {
		t.Error("unknown port accepted")
	}
}
