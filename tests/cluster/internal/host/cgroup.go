package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const cgroupMount = "/sys/fs/cgroup"

// hierarchies lists the roots below which a cgroup must be made: one with
// cgroup v2, one for each controller with v1.
func hierarchies() []string {
	if CgroupV2() {
		return []string{cgroupMount}
	}
	var roots []string
	seen := map[string]bool{}
	entries, _ := os.ReadDir(cgroupMount)
	for _, e := range entries {
		// cpu and cpuacct are often links to one directory.
		dir, err := filepath.EvalSymlinks(filepath.Join(cgroupMount, e.Name()))
		if err != nil || seen[dir] {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			seen[dir] = true
			roots = append(roots, dir)
		}
	}
	return roots
}

// CgroupV2 says which generation the machine has.
func CgroupV2() bool {
	_, err := os.Stat(cgroupMount + "/cgroup.controllers")
	return err == nil
}

// EnsureCgroup makes a cgroup in every hierarchy; the kubelet wants to find its
// root there.
func EnsureCgroup(path string) error {
	for _, root := range hierarchies() {
		dir := root
		for _, elem := range strings.Split(strings.Trim(path, "/"), "/") {
			parent := dir
			dir = filepath.Join(parent, elem)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("cgroup: %w", err)
			}
			// A new v1 cpuset is empty and would accept no process.
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				inheritCpuset(parent, dir, file)
			}
		}
	}
	return nil
}

func inheritCpuset(parent, dir, file string) {
	if CgroupV2() {
		return
	}
	now, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil || strings.TrimSpace(string(now)) != "" {
		return // another hierarchy, or set already
	}
	if value, err := os.ReadFile(filepath.Join(parent, file)); err == nil {
		_ = os.WriteFile(filepath.Join(dir, file), value, 0o644) // the kubelet reports what fails
	}
}

// CgroupProcesses lists the processes in a cgroup and below it.
func CgroupProcesses(path string) []int {
	seen := map[int]bool{}
	var pids []int
	walkCgroup(path, func(dir string) {
		data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for _, line := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(line); err == nil && pid > 0 && !seen[pid] {
				seen[pid] = true
				pids = append(pids, pid)
			}
		}
	})
	return pids
}

// RemoveCgroup removes a cgroup tree in every hierarchy once its processes are
// gone; the kernel needs a moment for that.
func RemoveCgroup(path string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		var failed error
		walkCgroup(path, func(dir string) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failed = err
			}
		})
		if failed == nil || time.Now().After(deadline) {
			return failed
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// walkCgroup visits a cgroup in every hierarchy, children before parents.
func walkCgroup(path string, visit func(dir string)) {
	var walk func(dir string)
	walk = func(dir string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if e.IsDir() {
				walk(filepath.Join(dir, e.Name()))
			}
		}
		visit(dir)
	}
	for _, root := range hierarchies() {
		dir := filepath.Join(root, path)
		if _, err := os.Stat(dir); err == nil {
			walk(dir)
		}
	}
}
