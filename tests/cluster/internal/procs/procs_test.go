package procs

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"skytask.dev/tests/cluster/internal/layout"
)

func TestBelongs(t *testing.T) {
	c, _ := layout.New("/home/u/.cache/skytask", "dev")
	verbs := []string{"etcd", "supervise"}
	state, own := c.State(), "/c/cluster/abc/sky-cluster"
	for name, tc := range map[string]struct {
		p    Process
		want bool
	}{
		"component":            {Process{Exe: own, Args: []string{"x", "etcd", "--data-dir=" + state + "/etcd"}}, true},
		"of another cluster":   {Process{Exe: own, Args: []string{"x", "etcd", "--data-dir=" + state + "2/etcd"}}, false},
		"user's kubectl":       {Process{Exe: own, Args: []string{"x", "kubectl", "--kubeconfig=" + state + "/kubeconfig"}}, false},
		"user's editor":        {Process{Exe: "/usr/bin/vi", Args: []string{"vi", state + "/kubeconfig"}}, false},
		"runtime":              {Process{Exe: "/usr/bin/containerd", Args: []string{"containerd", "--config", state + "/nodes/0/c.toml"}}, true},
		"the host's runtime":   {Process{Exe: "/usr/bin/containerd", Args: []string{"containerd"}}, false},
		"shim":                 {Process{Exe: "/usr/bin/containerd-shim-runc-v2", Args: []string{"s", "-address", c.Run() + "/0/containerd.sock"}}, true},
		"of a longer name":     {Process{Exe: own, Args: []string{"x", "supervise", state + "-b"}}, false},
		"supervisor by itself": {Process{Exe: own, Args: []string{"x", "supervise", state}}, true},
	} {
		if got := Belongs(tc.p, c, verbs); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	start, state, err := parseStat([]byte("12 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 0 0"))
	if err != nil || start != "777" || state != "S" {
		t.Error(start, state, err)
	}
	if _, _, err := parseStat([]byte("12 (a")); err == nil {
		t.Error("no error for a broken line")
	}
}

func TestStopEndsTheSameProcessOnly(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go cmd.Wait() //nolint:errcheck // only reaps
	p, err := Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	impostor := p
	impostor.Start = "1"
	if err := impostor.Signal(syscall.SIGKILL); err == nil || !p.Alive() {
		t.Fatal("a process with another start time was signalled")
	}
	if left := Stop([]Process{p}, time.Second); len(left) != 0 || p.Alive() {
		t.Error("still alive", left)
	}
	if _, err := Read(os.Getpid()); err != nil {
		t.Error(err)
	}
}
