package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"skytask.dev/tests/cluster/internal/layout"
)

// The kubelet sets these for the whole machine, and RaiseLimits the last.
var sysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", inotifyInstances,
}

// A node takes about seven, a control plane ten; the kernel's default of 128 is
// for all of a user's programs and ends kubelets from the sixth cluster on.
const (
	inotifyInstances    = "fs/inotify/max_user_instances"
	minInotifyInstances = 1024
)

// record is what this machine looked like before its first cluster.
type record struct {
	Sysctls map[string]string `json:"sysctls"`
	// Created lists directories that were not there, and of which only empty
	// mount points remain in the host's view.
	Created []string `json:"created"`
	// NetnsMount says that /run/netns became a mount point for us.
	NetnsMount bool `json:"netnsMount"`
}

const (
	netnsDir   = "/run/netns"
	recordName = ".host.json"
)

func recordFile() string { return filepath.Join(layout.RunRoot, recordName) }

// Remember writes down the machine's state, once for all clusters, and makes
// the mount points. The caller holds the machine's lock.
func Remember() error {
	if err := os.MkdirAll(layout.RunRoot, 0o700); err != nil {
		return err
	}
	var r record
	data, err := os.ReadFile(recordFile())
	known := err == nil && json.Unmarshal(data, &r) == nil
	if !known {
		r = record{Sysctls: map[string]string{}}
	}
	for _, name := range sysctls {
		if _, ok := r.Sysctls[name]; ok {
			continue // an earlier build may have recorded fewer
		}
		if value, err := os.ReadFile("/proc/sys/" + name); err == nil {
			r.Sysctls[name] = strings.TrimSpace(string(value))
		}
	}
	if known {
		return makeMountPoints(&r)
	}
	mounts, err := Mounts()
	if err != nil {
		return err
	}
	r.NetnsMount = !slices.Contains(mounts, netnsDir)
	return makeMountPoints(&r)
}

// RaiseLimits raises what the machine's programs need more of with a cluster.
// Never lowered, and put back with the rest.
func RaiseLimits() error {
	path := "/proc/sys/" + inotifyInstances
	now, err := os.ReadFile(path)
	if err != nil {
		return nil // a kernel without the limit
	}
	if value, err := strconv.Atoi(strings.TrimSpace(string(now))); err != nil || value >= minInotifyInstances {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(minInotifyInstances)), 0o644)
}

// makeMountPoints writes the record before it makes a directory, so that an
// interrupted run leaves nothing unrecorded.
func makeMountPoints(r *record) error {
	for _, dir := range append(PrivateDirs(), netnsDir) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && !slices.Contains(r.Created, dir) {
			r.Created = append(r.Created, dir)
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(recordFile(), data, 0o600); err != nil {
		return err
	}
	for _, dir := range PrivateDirs() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Restore puts the machine back when no cluster is left on it. The caller holds
// the machine's lock.
func Restore() error {
	var r record
	data, err := os.ReadFile(recordFile())
	if err != nil || json.Unmarshal(data, &r) != nil {
		return nil // nothing was changed, or restored already
	}
	entries, err := os.ReadDir(layout.RunRoot)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			return nil // another cluster
		}
	}
	for name, value := range r.Sysctls {
		path := "/proc/sys/" + name
		if now, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(now)) != value {
			if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
				return err
			}
		}
	}
	if r.NetnsMount && isEmpty(netnsDir) {
		for unix.Unmount(netnsDir, 0) == nil { // `ip netns` may have mounted it twice
		}
	}
	for _, dir := range r.Created {
		_ = os.Remove(dir) // only when empty: somebody else may use it by now
	}
	return os.Remove(recordFile())
}

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}
