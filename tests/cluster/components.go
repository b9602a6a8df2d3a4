//go:build kubernetes

package main

import (
	"context"
	"flag"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Client-side auth plugins, as in the real kubectl and helm.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func init() {
	embedded["etcd"] = func(args []string) int { etcdmain.Main(args); return 0 }
	embedded["kube-apiserver"] = command(apiserver.NewAPIServerCommand)
	embedded["kube-controller-manager"] = command(controllermanager.NewControllerManagerCommand)
	embedded["kube-scheduler"] = command(func() *cobra.Command { return scheduler.NewSchedulerCommand() })
	embedded["kube-proxy"] = command(proxy.NewProxyCommand)
	embedded["kubelet"] = command(func() *cobra.Command {
		return kubelet.NewKubeletCommand(context.Background())
	})
	embedded["kubectl"] = runKubectl
}

func command(build func() *cobra.Command) func([]string) int {
	return func([]string) int {
		dropForeignFlags()
		return cli.Run(build())
	}
}

// runKubectl does what kubectl's own main does, so that exit codes and output
// are the real ones.
func runKubectl(args []string) int {
	dropForeignFlags()
	os.Args = args
	logs.GlogSetter(kubectl.GetLogVerbosity(args)) // nolint:errcheck // as in kubectl's main
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
	return 0
}

// dropForeignFlags removes from the process-wide flag set what other embedded
// programs registered there: flags of one letter would clash with the
// shorthands of the program that really runs.
func dropForeignFlags() {
	all := flag.CommandLine
	flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	all.VisitAll(func(f *flag.Flag) {
		if len(f.Name) > 1 {
			flag.CommandLine.Var(f.Value, f.Name, f.Usage)
		}
	})
}
