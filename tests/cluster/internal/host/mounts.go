package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"skytask.dev/tests/cluster/internal/layout"
)

// privateDirs are directories that container runtime, kubelet and the hostPath
// provisioner use by a fixed name. Inside the cluster's mount namespace each is
// a directory of the cluster; the host's own is never written.
func privateDirs(c layout.Cluster) map[string]string {
	return map[string]string{
		"/run/containerd":     c.RunPath("shims"),
		"/var/lib/cni":        c.Path("private", "cni"),
		"/var/lib/kubelet":    c.Path("private", "kubelet"),
		"/var/log/containers": c.Path("private", "log-links"),
		"/tmp/hostpath_pv":    c.Path("volumes"),
	}
}

// PrivateDirs lists the host directories that serve as mount points.
func PrivateDirs() []string {
	var list []string
	for dir := range privateDirs(layout.Cluster{}) {
		list = append(list, dir)
	}
	sort.Strings(list)
	return list
}

// SetUpMounts prepares the mount namespace that the supervisor was started in:
// what is mounted here stays here and ends with the last process of the
// cluster. It can be repeated.
func SetUpMounts(c layout.Cluster) error {
	mounted, err := Mounts()
	if err != nil {
		return err
	}
	for target, source := range privateDirs(c) {
		if err := os.MkdirAll(source, 0o755); err != nil {
			return err
		}
		if slices.Contains(mounted, target) && sameDir(source, target) {
			continue
		}
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", source, target, err)
		}
	}
	// Pods with mountPropagation need shared mounts; they share within this
	// namespace only, since it is a slave of the host's.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

func sameDir(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// Mounts lists the mount points that this process sees, in mount order.
func Mounts() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMountinfo(string(data)), nil
}

func parseMountinfo(data string) []string {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var points []string
	for _, line := range strings.Split(data, "\n") {
		if fields := strings.Fields(line); len(fields) > 4 {
			points = append(points, unescape.Replace(fields[4]))
		}
	}
	return points
}

// Unmount detaches whatever is mounted below the given directories, the newest
// first.
func Unmount(dirs ...string) error {
	points, err := Mounts()
	if err != nil {
		return err
	}
	slices.Reverse(points)
	for _, point := range points {
		for _, dir := range dirs {
			if point == dir || strings.HasPrefix(point, filepath.Clean(dir)+"/") {
				if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
					return fmt.Errorf("unmount %s: %w", point, err)
				}
			}
		}
	}
	return nil
}
