package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"skytask.dev/tests/cluster/internal/host"
)

// TestScriptKnowsThePackages: the script answers `packages` without a binary.
func TestScriptKnowsThePackages(t *testing.T) {
	out, err := exec.Command("./sky-cluster", "packages").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(string(out)), strings.Join(host.Packages(), " "); got != want {
		t.Errorf("the script says %q, the program %q", got, want)
	}
}

func TestScriptStartsNothingOnAnotherCluster(t *testing.T) {
	for _, verb := range []string{"up", "down"} {
		cmd := exec.Command("./sky-cluster", verb)
		cmd.Env = append(os.Environ(), "KUBECONFIG=/elsewhere", "SKY_CACHE_DIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "KUBECONFIG is set") {
			t.Errorf("%s: %v %s", verb, err, out)
		}
	}
}
