package cli

import (
	"flag"
	"slices"
	"testing"

	"skytask.dev/tests/cluster/internal/layout"
)

func TestTakeName(t *testing.T) {
	t.Setenv("SKY_CLUSTER_NAME", "")
	for _, args := range [][]string{{"--name", "dev", "x"}, {"x", "--name=dev"}} {
		name, rest, err := takeName(args)
		if err != nil || name != "dev" || !slices.Equal(rest, []string{"x"}) {
			t.Error(args, name, rest, err)
		}
	}
	if name, _, _ := takeName(nil); name != layout.DefaultName() {
		t.Error(name)
	}
	if _, _, err := takeName([]string{"--name"}); err == nil {
		t.Error("--name without a value accepted")
	}
}

func TestFlagsMayFollowArguments(t *testing.T) {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	tag := flags.String("tag", "", "")
	args, err := parse(flags, []string{"a.tar", "--tag", "x", "b"})
	if err != nil || *tag != "x" || !slices.Equal(args, []string{"a.tar", "b"}) {
		t.Error(args, *tag, err)
	}
}

// TestAnotherClusterIsLeftAlone: with KUBECONFIG nothing may be started, and
// what cannot work there is an error.
func TestAnotherClusterIsLeftAlone(t *testing.T) {
	t.Setenv("KUBECONFIG", "/elsewhere")
	t.Setenv("SKY_CACHE_DIR", t.TempDir())
	for verb, want := range map[string]int{"up": 0, "down": 0, "status": 0, "kubeconfig": 0, "load": 1, "registry": 1, "forward": 1, "fault": 1, "processes": 1} {
		if got := Main([]string{verb}, nil); got != want {
			t.Errorf("%s: exit code %d, want %d", verb, got, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("SKY_CACHE_DIR", t.TempDir())
	t.Setenv("SKY_CLUSTER_NAME", "never-was")
	for verb, want := range map[string]int{"help": 0, "packages": 0, "nonsense": 2, "down": 0, "status": 1, "kubeconfig": 1, "kubectl": 1} {
		if got := Main([]string{verb}, nil); got != want {
			t.Errorf("%s: exit code %d, want %d", verb, got, want)
		}
	}
	for _, args := range [][]string{{"down", "extra"}, {"status", "--name"}, {"up", "--nonsense"}, {"up", "--nodes", "9"}, {"processes", "x"}, {"registry", "x"}} {
		if got := Main(args, nil); got != 2 {
			t.Errorf("%v: exit code %d, want 2", args, got)
		}
	}
}
