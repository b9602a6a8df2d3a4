package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
	"skytask.dev/tests/cluster/internal/procs"
)

// down removes a cluster by what is found of it, not by what a supervisor
// says: it works the same after a crash. Everything is going to be deleted, so
// nothing is asked to finish first.
func down(cmd *command) error {
	if len(cmd.args) > 0 {
		return unexpected("down", cmd.args, nil)
	}
	c := cmd.cluster
	if !anyTrace(c) {
		fmt.Fprintf(cmd.out, "cluster %s is not there\n", c.Name)
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("down needs root, as up did")
	}
	release, err := host.Lock(c.Lock(), lockWait)
	if err != nil {
		return err
	}
	defer os.Remove(layout.RunRoot) // only when it is empty by then
	defer release()
	begin := time.Now()
	if err := remove(c); err != nil {
		return fmt.Errorf("cluster %s is not gone completely, run down again: %w", c.Name, err)
	}
	fmt.Fprintf(cmd.out, "cluster %s is gone (%.1f s)\n", c.Name, time.Since(begin).Seconds())
	return nil
}

func anyTrace(c layout.Cluster) bool {
	for _, path := range []string{c.State(), c.Run(), c.NetnsFile()} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

func remove(c layout.Cluster) error {
	if err := endProcesses(c); err != nil {
		return err
	}
	// The cluster's mounts ended with its mount namespace. These would be of
	// somebody who bound our directories on the host.
	if err := host.Unmount(c.State(), c.Run()); err != nil {
		return err
	}
	if err := netns.Delete(c); err != nil {
		return err
	}
	if err := host.RemoveCgroup(c.Netns(), 10*time.Second); err != nil {
		return err
	}
	for _, dir := range []string{c.State(), c.Run()} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	_ = os.Remove(filepath.Dir(c.State())) // only when no other cluster is there
	release, err := host.Lock(filepath.Join(layout.RunRoot, ".host.lock"), lockWait)
	if err != nil {
		return err
	}
	defer release()
	return host.Restore()
}

// endProcesses ends the supervisor first, so that it restarts nothing, then
// the components with the API server before etcd, then pods and their shims.
func endProcesses(c layout.Cluster) error {
	steps := []func(procs.Process) bool{
		func(p procs.Process) bool { return p.Verb() == component.SuperviseVerb },
		func(p procs.Process) bool { return p.Verb() != "" && p.Verb() != "etcd" },
		func(procs.Process) bool { return true },
	}
	for _, matches := range steps {
		// Twice is enough for what a process started while it was being ended.
		for range 3 {
			found, err := procs.Find(c, component.Verbs())
			if err != nil {
				return err
			}
			found = slices.DeleteFunc(found, func(p procs.Process) bool { return !matches(p) })
			if len(found) == 0 {
				break
			}
			if left := procs.Stop(found, 0); len(left) > 0 {
				return fmt.Errorf("process %d (%s) does not end", left[0].PID, left[0].Exe)
			}
		}
	}
	// What is left is in the cluster's cgroups: the pods.
	return procs.StopAll(func() []int { return host.CgroupProcesses(c.Netns()) }, 15*time.Second)
}
