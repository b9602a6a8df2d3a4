package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"skytask.dev/tests/cluster/internal/layout"
)

// The kubelet sets these for the whole machine.
var sysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

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
	if data, err := os.ReadFile(recordFile()); err == nil && json.Unmarshal(data, &r) == nil {
		return makeMountPoints(&r)
	}
	r.Sysctls = map[string]string{}
	for _, name := range sysctls {
		if value, err := os.ReadFile("/proc/sys/" + name); err == nil {
			r.Sysctls[name] = strings.TrimSpace(string(value))
		}
	}
	mounts, err := Mounts()
	if err != nil {
		return err
	}
	r.NetnsMount = !slices.Contains(mounts, netnsDir)
	return makeMountPoints(&r)
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
