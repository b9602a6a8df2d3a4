// Command sky-cluster is a whole Kubernetes cluster in one binary: the control
// plane, a node, DNS, kubectl and helm, and a supervisor that runs them on a
// bare Linux machine.
//
// The Kubernetes parts are compiled in with the build tag "kubernetes". Without
// it the program builds and its tests run in seconds, which is what
// `go test ./...` does.
package main

import (
	"os"

	"skytask.dev/tests/cluster/internal/cli"
	"skytask.dev/tests/cluster/internal/component"
)

// embedded maps a verb to the program behind it. Files with the build tag
// "kubernetes" fill it.
var embedded = map[string]func(args []string) int{}

func main() {
	if len(os.Args) > 1 {
		verb := os.Args[1]
		if run, ok := embedded[verb]; ok && component.IsVerb(verb) {
			// The programs parse os.Args themselves and show argv[0] in usage texts.
			os.Args = append([]string{verb}, os.Args[2:]...)
			os.Exit(run(os.Args))
		}
	}
	os.Exit(cli.Main(os.Args[1:], cli.Embedded(embedded)))
}
