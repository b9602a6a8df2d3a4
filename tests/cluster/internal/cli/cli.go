// Package cli is the user's side of sky-cluster: its verbs and messages.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/supervise"
)

// Embedded maps a verb to a program of this binary.
type Embedded map[string]func(args []string) int

const usage = `sky-cluster runs a Kubernetes cluster on this machine, for tests and demos.

  up         [--nodes N] [--api-port N] [--restart] [--quiet]    start the cluster, or heal it
  down                                  stop it and remove every trace of it
  status                                show components, ports and problems
  load       IMAGE.tar [--tag NAME]     bring an OCI or docker archive into the cluster
  registry   [IMAGE.tar NAME]           serve an OCI archive in the private registry, as NAME under every tag;
                                        prints the registry's address, user name and password
  kubeconfig                            print the path of the kubeconfig
  kubectl    ...                        the real kubectl on this cluster
  helm       ...                        the real helm on this cluster
  forward    PORT NAMESPACE/SERVICE:PORT    reach a Service on 127.0.0.1:PORT
  forward    --list | --remove PORT
  processes  NAMESPACE/POD[/CONTAINER]  the processes of a pod, by their numbers on this machine
  fault      kill NAME [--for 10m]      end a component by SIGKILL and keep it dead for that long; NAME
                                        is one of ` + "`status`" + `, or a node: its components and all its pods
  fault      end [NAME]                 start it again before that; without a name, everything
  ctr        ...                        the container runtime's own tool
  packages                              print the Debian packages that are needed
  help                                  this text

Every verb but kubectl, helm and ctr takes --name NAME (default: $SKY_CLUSTER_NAME, else sky).
State is below ${SKY_CACHE_DIR:-~/.cache/skytask}. With KUBECONFIG set, that cluster is used
and nothing is started.
`

// errUsage makes the exit code 2; its text was printed.
var errUsage = errors.New("usage")

// usageError is a call that was not understood; its exit code is 2 as well.
type usageError string

func (e usageError) Error() string { return string(e) }

// command is one parsed call of a verb.
type command struct {
	ctx      context.Context
	cluster  layout.Cluster
	args     []string
	embedded Embedded
	out      io.Writer
}

type verb struct {
	run func(*command) error
	// external says what happens when KUBECONFIG names another cluster.
	external externalPolicy
}

type externalPolicy int

const (
	runAnyway externalPolicy = iota
	doNothing
	refuse
)

var verbs = map[string]verb{
	"up":         {up, doNothing},
	"down":       {down, doNothing},
	"status":     {status, runAnyway},
	"load":       {load, refuse},
	"registry":   {registryVerb, refuse},
	"forward":    {forwardVerb, refuse},
	"fault":      {faultVerb, refuse},
	"processes":  {processes, refuse},
	"kubeconfig": {kubeconfig, runAnyway},
}

// Main runs a command line and returns the exit code.
func Main(args []string, embedded Embedded) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		fmt.Print(usage)
		return 0
	}
	host.ExtendPath()
	name, rest := args[0], args[1:]
	var err error
	switch name {
	case "packages":
		fmt.Println(strings.Join(host.Packages(), " "))
	case "kubectl", "helm":
		return runClient(name, rest, embedded)
	case "ctr":
		err = runCtr(rest)
	case component.SuperviseVerb:
		err = runSupervisor(rest)
	default:
		err = runVerb(name, rest, embedded)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var exit *exec.ExitError
	var misused usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage), errors.Is(err, flag.ErrHelp):
		return 2
	case errors.As(err, &exit):
		return exit.ExitCode()
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "sky-cluster: interrupted")
		return 130
	}
	fmt.Fprintln(os.Stderr, "sky-cluster:", err)
	if errors.As(err, &misused) {
		return 2
	}
	return 1
}

func runVerb(name string, args []string, embedded Embedded) error {
	v, ok := verbs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "sky-cluster: unknown verb %q; the verbs are:\n\n%s", name, usage)
		return errUsage
	}
	clusterName, args, err := takeName(args)
	if err != nil {
		return err
	}
	external := os.Getenv("KUBECONFIG")
	if external != "" {
		switch v.external {
		case doNothing:
			fmt.Fprintf(os.Stderr, "KUBECONFIG is set: using that cluster (%s), nothing is started or stopped\n", external)
			return nil
		case refuse:
			return fmt.Errorf("KUBECONFIG is set: using that cluster, nothing is started; %s works only on a cluster of sky-cluster (unset KUBECONFIG for it)", name)
		case runAnyway:
		}
	}
	c, err := clusterOf(clusterName)
	if err != nil {
		return err
	}
	if err := refuseForeign(c); err != nil && external == "" {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return v.run(&command{ctx: ctx, cluster: c, args: args, embedded: embedded, out: os.Stdout})
}

func clusterOf(name string) (layout.Cluster, error) {
	cache, err := layout.CacheDir()
	if err != nil {
		return layout.Cluster{}, err
	}
	return layout.New(cache, name)
}

// takeName takes --name out of the arguments, wherever it stands.
func takeName(args []string) (name string, rest []string, err error) {
	name = layout.DefaultName()
	for i := 0; i < len(args); i++ {
		value, joined := strings.CutPrefix(args[i], "--name=")
		switch {
		case joined:
			name = value
		case args[i] == "--name" && i+1 < len(args):
			i++
			name = args[i]
		case args[i] == "--name":
			return "", nil, usageError("--name needs a value")
		default:
			rest = append(rest, args[i])
		}
	}
	return name, rest, nil
}

// parse reads a verb's own flags, which may stand before or after arguments.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	flags.SetOutput(os.Stderr)
	var positional []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, errUsage
		}
		if flags.NArg() == 0 {
			return positional, nil
		}
		positional, args = append(positional, flags.Arg(0)), flags.Args()[1:]
	}
}

// runSupervisor is the hidden verb behind `up`. Its first argument, the state
// directory, is what `down` recognises the process by.
func runSupervisor(args []string) error {
	if len(args) != 2 {
		return errors.New("started by `up`, not by hand")
	}
	c, err := clusterOf(args[1])
	if err != nil {
		return err
	}
	return supervise.Run(c)
}
