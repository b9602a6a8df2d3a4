//go:build kubernetes

package main

import (
	"fmt"
	"log"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func init() { embedded["coredns"] = runCoreDNS }

// runCoreDNS serves the Corefile named by the only argument. It starts the
// server by its library and not by coremain, whose flags would join every
// other program of this binary.
func runCoreDNS(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: coredns COREFILE")
		return 2
	}
	contents, err := os.ReadFile(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The order in which plugins see a query; only what is linked in.
	dnsserver.Directives = []string{"bind", "ready", "errors", "cache", "kubernetes", "template"}
	log.SetOutput(os.Stdout)
	caddy.Quiet, dnsserver.Quiet = true, true
	caddy.AppName = "CoreDNS"
	caddy.TrapSignals()
	instance, err := caddy.Start(caddy.CaddyfileInput{Contents: contents, Filepath: args[1], ServerTypeName: "dns"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	instance.Wait()
	return 0
}
