package cli

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"skytask.dev/tests/cluster/internal/kubeapi"
	"skytask.dev/tests/cluster/internal/podproc"
	"skytask.dev/tests/cluster/internal/supervise"
)

const faultCalls = "write: fault kill COMPONENT|NODE [--for 10m] or fault end [COMPONENT|NODE]; `status` lists the components"

// faultVerb breaks one component or machine and mends it. The supervisor mends it by
// itself when the time is over, whatever became of the caller.
func faultVerb(cmd *command) error {
	flags := flag.NewFlagSet("fault", flag.ContinueOnError)
	limit := flags.Duration("for", 10*time.Minute, "start the component again after this time")
	args, err := parse(flags, cmd.args)
	if err != nil {
		return err
	}
	client := supervise.Connect(cmd.cluster)
	if _, err := client.Status(cmd.ctx); err != nil {
		return notUp(cmd.cluster)
	}
	switch {
	case len(args) == 2 && args[0] == "kill":
		if err := client.Inject(cmd.ctx, supervise.Fault{Target: args[1], Seconds: limit.Seconds()}); err != nil {
			return err
		}
		fmt.Fprintf(cmd.out, "%s is dead until %s\n", args[1], time.Now().Add(*limit).Format(time.TimeOnly))
		return nil
	case (len(args) == 1 || len(args) == 2) && args[0] == "end":
		return client.EndFault(cmd.ctx, strings.Join(args[1:], ""))
	}
	return usageError(faultCalls)
}

// processes lists what runs in a pod, so that a test can signal one of them.
func processes(cmd *command) error {
	if len(cmd.args) != 1 {
		return usageError("write: processes NAMESPACE/POD[/CONTAINER]")
	}
	target, err := podproc.ParseTarget(cmd.args[0])
	if err != nil {
		return usageError(err.Error())
	}
	api, err := kubeapi.New(cmd.cluster)
	if err != nil {
		return notUp(cmd.cluster)
	}
	list, err := podproc.List(cmd.ctx, api, cmd.cluster, target)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PID\tCONTAINER\tIN CONTAINER\tCOMMAND")
	for _, p := range list {
		fmt.Fprintf(table, "%d\t%s\t%d\t%s\n", p.PID, p.Container, p.Inner, p.Command)
	}
	return table.Flush()
}
