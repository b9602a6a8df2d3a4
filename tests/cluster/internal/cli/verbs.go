package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"skytask.dev/tests/cluster/internal/forward"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/image"
	"skytask.dev/tests/cluster/internal/registry"
	"skytask.dev/tests/cluster/internal/supervise"
)

// status exits with 1 when the cluster is not usable, so that scripts can ask.
func status(cmd *command) error {
	if len(cmd.args) > 0 {
		return unexpected("status", cmd.args, nil)
	}
	if external := os.Getenv("KUBECONFIG"); external != "" {
		fmt.Fprintf(cmd.out, "KUBECONFIG is set: using that cluster (%s)\n", external)
		return nil
	}
	c := cmd.cluster
	st, err := supervise.Connect(c).Status(cmd.ctx)
	if errors.Is(err, supervise.ErrNotRunning) {
		if anyTrace(c) {
			return fmt.Errorf("cluster %s has no supervisor: `up` heals it, `down` removes it", c.Name)
		}
		return notUp(c)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.out, "cluster %s: https://127.0.0.1:%d, supervisor %d\n  kubeconfig %s\n  logs       %s\n",
		c.Name, st.APIPort, st.PID, c.Kubeconfig(), c.Path("logs"))
	table := tabwriter.NewWriter(cmd.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tRESTARTS\tLAST EXIT")
	healthy := st.Ready
	for _, comp := range st.Components {
		pid := fmt.Sprint(comp.PID)
		if comp.PID == 0 {
			pid, healthy = "-", false
		}
		if comp.HeldUntil != nil {
			comp.LastExit += ", kept dead until " + comp.HeldUntil.Local().Format(time.TimeOnly)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", comp.Name, pid, comp.Restarts, comp.LastExit)
	}
	table.Flush()
	printForwards(cmd, st.Forwards)
	if !healthy {
		return errors.New(strings.TrimSpace("not healthy: run up to heal it. " + st.Problem))
	}
	return nil
}

func printForwards(cmd *command, list []forward.Forward) {
	for _, f := range list {
		fmt.Fprintf(cmd.out, "forward %s", f)
		if f.Problem != "" {
			fmt.Fprintf(cmd.out, " (not open: %s)", f.Problem)
		}
		fmt.Fprintln(cmd.out)
	}
}

func load(cmd *command) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	tag := flags.String("tag", "", "an additional name for the image")
	args, err := parse(flags, cmd.args)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return usageError("load takes one image archive: load IMAGE.tar [--tag NAME]")
	}
	st, err := supervise.Connect(cmd.cluster).Status(cmd.ctx)
	if err != nil {
		return notUp(cmd.cluster)
	}
	release, err := host.Lock(cmd.cluster.RunPath("load.lock"), lockWait)
	if err != nil {
		return err
	}
	defer release()
	for _, n := range cmd.cluster.WithNodes(st.Nodes).Nodes() {
		begin := time.Now()
		r, err := image.Load(cmd.ctx, n, args[0], *tag)
		if err != nil {
			return err
		}
		done := fmt.Sprintf("loaded in %.1f s", time.Since(begin).Seconds())
		if r.Skipped {
			done = "there already"
		}
		fmt.Fprintf(cmd.out, "%s: %s on %s\n", strings.Join(r.Names, ", "), done, n.Name)
	}
	return nil
}

func registryVerb(cmd *command) error {
	if n := len(cmd.args); n != 0 && n != 2 {
		return usageError("write: registry IMAGE.tar NAME, or registry alone for its address and login")
	}
	if _, err := supervise.Connect(cmd.cluster).Status(cmd.ctx); err != nil {
		return notUp(cmd.cluster)
	}
	if len(cmd.args) == 2 {
		if err := registry.Publish(cmd.cluster, cmd.args[0], cmd.args[1]); err != nil {
			return err
		}
	}
	fmt.Fprintln(cmd.out, registry.Address, registry.User, registry.Password)
	return nil
}

func forwardVerb(cmd *command) error {
	flags := flag.NewFlagSet("forward", flag.ContinueOnError)
	list := flags.Bool("list", false, "show the registered forwards")
	remove := flags.Int("remove", 0, "forget the forward of this port")
	args, err := parse(flags, cmd.args)
	if err != nil {
		return err
	}
	client := supervise.Connect(cmd.cluster)
	st, err := client.Status(cmd.ctx)
	if err != nil {
		return notUp(cmd.cluster)
	}
	switch {
	case *list && len(args) == 0:
		printForwards(cmd, st.Forwards)
		return nil
	case *remove != 0 && len(args) == 0:
		return client.RemoveForward(cmd.ctx, *remove)
	case len(args) != 2:
		return usageError("write: forward PORT NAMESPACE/SERVICE:PORT, forward --list or forward --remove PORT")
	}
	f, err := forward.ParseTarget(args[0], args[1])
	if err != nil {
		return err
	}
	if err := client.AddForward(cmd.ctx, f); err != nil {
		return err
	}
	fmt.Fprintf(cmd.out, "forward %s\n", f)
	return nil
}
