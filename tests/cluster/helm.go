//go:build kubernetes

package main

import (
	"errors"
	"log/slog"
	"os"

	helm "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
)

func init() { embedded["helm"] = runHelm }

// runHelm does what helm's own main does.
func runHelm(args []string) int {
	dropForeignFlags()
	os.Args = args
	kube.ManagedFieldsManager = "helm"
	cmd, err := helm.NewRootCmd(os.Stdout, args[1:], helm.SetupLogging)
	if err != nil {
		slog.Warn("command failed", slog.Any("error", err))
		return 1
	}
	if err := cmd.Execute(); err != nil {
		var coded helm.CommandError
		if errors.As(err, &coded) {
			return coded.ExitCode
		}
		return 1
	}
	return 0
}
