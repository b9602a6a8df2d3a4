package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"skytask.dev/tests/cluster/internal/layout"
)

// runClient runs kubectl or helm in this process, on the cluster of the
// environment: the user's KUBECONFIG if set, else ours.
func runClient(name string, args []string, embedded Embedded) int {
	run, ok := embedded[name]
	if !ok {
		return exitCode(fmt.Errorf("%s is not in this binary: use tests/cluster/sky-cluster, which builds the whole one", name))
	}
	if os.Getenv("KUBECONFIG") == "" {
		c, err := clusterOf(layout.DefaultName())
		if err != nil {
			return exitCode(err)
		}
		// Without a cluster the client still runs: `helm template` and `kubectl
		// kustomize` need none.
		if _, err := os.Stat(c.Kubeconfig()); err != nil && name == "kubectl" {
			fmt.Fprintln(os.Stderr, "sky-cluster: note:", notUp(c))
		}
		os.Setenv("KUBECONFIG", c.Kubeconfig())
	}
	return run(append([]string{name}, args...))
}

// runCtr becomes ctr on the first node's runtime.
func runCtr(args []string) error {
	c, err := clusterOf(layout.DefaultName())
	if err != nil {
		return err
	}
	socket := c.Node(0).ContainerdSocket()
	if _, err := os.Stat(socket); err != nil {
		return notUp(c)
	}
	path, err := exec.LookPath("ctr")
	if err != nil {
		return err
	}
	argv := append([]string{"ctr", "--address", socket, "--namespace", "k8s.io"}, args...)
	return syscall.Exec(path, argv, os.Environ())
}

func kubeconfig(cmd *command) error {
	if len(cmd.args) > 0 {
		return unexpected("kubeconfig", cmd.args, nil)
	}
	if external := os.Getenv("KUBECONFIG"); external != "" {
		fmt.Fprintln(cmd.out, external)
		return nil
	}
	if _, err := os.Stat(cmd.cluster.Kubeconfig()); err != nil {
		return notUp(cmd.cluster)
	}
	fmt.Fprintln(cmd.out, cmd.cluster.Kubeconfig())
	return nil
}

// notUp is the error of verbs that need a running cluster.
func notUp(c layout.Cluster) error {
	return errors.New("cluster " + c.Name + " is not up: start it with `sky-cluster up --name " + c.Name + "`")
}
