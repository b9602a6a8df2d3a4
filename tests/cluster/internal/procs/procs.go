// Package procs finds and ends the processes of one cluster. A process is only
// ever touched when its program, its verb and a path in its arguments say that
// it belongs to that cluster; a bare process number is never trusted.
package procs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skytask.dev/tests/cluster/internal/layout"
)

// Process is one running process. Start tells a reused number from the process
// that was meant.
type Process struct {
	PID   int
	Start string
	Exe   string
	Args  []string
}

// foreign programs that run for us.
var helpers = []string{"containerd", "containerd-shim-runc-v2", "containerd-shim-runc-v1", "runc"}

// Read describes a process, or fails when it is gone.
func Read(pid int) (Process, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Process{}, err
	}
	start, state, err := parseStat(stat)
	if err != nil || state == "Z" || state == "X" {
		return Process{}, errors.Join(err, os.ErrProcessDone)
	}
	cmdline, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return Process{}, err
	}
	exe, _ := os.Readlink(dir + "/exe") // empty for kernel threads
	args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	return Process{PID: pid, Start: start, Exe: strings.TrimSuffix(exe, " (deleted)"), Args: args}, nil
}

// parseStat reads the start time and the state; the command in parentheses may
// itself hold blanks and parentheses.
func parseStat(stat []byte) (start, state string, err error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return "", "", errors.New("unreadable process status")
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return "", "", errors.New("short process status")
	}
	return fields[19], fields[0], nil
}

// Alive says whether the same process still runs.
func (p Process) Alive() bool {
	now, err := Read(p.PID)
	return err == nil && now.Start == p.Start
}

// Verb is the sky-cluster verb that the process runs, "" for other programs.
func (p Process) Verb() string {
	if filepath.Base(p.Exe) != "sky-cluster" || len(p.Args) < 2 {
		return ""
	}
	return p.Args[1]
}

// Belongs says whether the process is a part of the cluster: one of our own
// verbs or a container runtime program, with a path of this cluster among its
// arguments. A user's editor or kubectl on the same files is not.
func Belongs(p Process, c layout.Cluster, verbs []string) bool {
	if !slices.Contains(verbs, p.Verb()) && !slices.Contains(helpers, filepath.Base(p.Exe)) {
		return false
	}
	for _, arg := range p.Args[1:] {
		if mentions(arg, c.State()) || mentions(arg, c.Run()) {
			return true
		}
	}
	return false
}

// mentions says whether arg names dir or something below it, also as --flag=dir.
func mentions(arg, dir string) bool {
	for _, part := range strings.FieldsFunc(arg, func(r rune) bool { return r == '=' || r == ',' }) {
		if part == dir || strings.HasPrefix(part, dir+"/") {
			return true
		}
	}
	return false
}

// Find lists the cluster's processes on this machine.
func Find(c layout.Cluster, verbs []string) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, err := Read(pid); err == nil && Belongs(p, c, verbs) {
			found = append(found, p)
		}
	}
	return found, nil
}

// Signal sends a signal to the very process that was read, never to a later one
// of the same number.
func (p Process) Signal(sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !p.Alive() {
		return os.ErrProcessDone
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// WaitGone waits until none of the processes runs, and returns those that do.
func WaitGone(ps []Process, limit time.Duration) []Process {
	deadline := time.Now().Add(limit)
	for {
		ps = slices.DeleteFunc(slices.Clone(ps), func(p Process) bool { return !p.Alive() })
		if len(ps) == 0 || time.Now().After(deadline) {
			return ps
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// StopAll kills what is listed until nothing is.
func StopAll(list func() []int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		var found []Process
		for _, pid := range list() {
			if p, err := Read(pid); err == nil {
				found = append(found, p)
			}
		}
		if len(found) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes of pods do not end, the first is %d (%s)", len(found), found[0].PID, found[0].Exe)
		}
		Stop(found, 0)
	}
}

// Stop asks with SIGTERM when grace is positive, then kills, each wait bounded.
func Stop(ps []Process, grace time.Duration) []Process {
	if grace > 0 {
		for _, p := range ps {
			_ = p.Signal(syscall.SIGTERM) // gone already is as good
		}
		ps = WaitGone(ps, grace)
	}
	for _, p := range ps {
		_ = p.Signal(syscall.SIGKILL)
	}
	return WaitGone(ps, 10*time.Second)
}
