package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/host"
	"skytask.dev/tests/cluster/internal/layout"
	"skytask.dev/tests/cluster/internal/netns"
	"skytask.dev/tests/cluster/internal/procs"
	"skytask.dev/tests/cluster/internal/supervise"
)

// lockWait is how long a command waits for another one on the same cluster.
const lockWait = 5 * time.Minute

func up(cmd *command) error {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	apiPort := flags.Int("api-port", 0, "port of the API server on 127.0.0.1 (default: 16443, or a free one)")
	nodes := flags.Int("nodes", 0, "number of nodes, also of a running cluster (default: as many as there are, at first 1)")
	restart := flags.Bool("restart", false, "restart supervisor and components, with this build; pods keep running")
	quiet := flags.Bool("quiet", false, "print nothing but errors")
	if rest, err := parse(flags, cmd.args); err != nil || len(rest) > 0 {
		return unexpected("up", rest, err)
	}
	if *nodes < 0 || *nodes > layout.MaxNodes {
		return usageError(fmt.Sprintf("--nodes %d: a cluster has 1 to %d nodes", *nodes, layout.MaxNodes))
	}
	say := func(format string, args ...any) {
		if !*quiet {
			fmt.Fprintf(cmd.out, format+"\n", args...)
		}
	}
	c := cmd.cluster
	if os.Geteuid() != 0 {
		return host.Check(c)
	}
	release, err := host.Lock(c.Lock(), lockWait)
	if err != nil {
		return err
	}
	defer os.Remove(layout.RunRoot) // only when nothing was started
	defer release()

	begin := time.Now()
	client := supervise.Connect(c)
	before, err := client.Status(cmd.ctx)
	if err == nil && *restart {
		if err := endSupervisor(c); err != nil {
			return err
		}
	}
	started := err != nil || *restart
	if started {
		if err := start(cmd.ctx, c, client); err != nil {
			return err
		}
		say("cluster %s: starting", c.Name)
	}
	report := func(e supervise.Event) {
		if started || e.Seconds > 0.5 {
			say("  %-28s %5.1f s", e.Phase, e.Seconds)
		}
	}
	st, err := client.Ensure(cmd.ctx, supervise.Options{APIPort: *apiPort, Nodes: *nodes, Pause: pauseProgram()}, report)
	if err != nil {
		return fmt.Errorf("cluster %s did not come up: %w\n(logs are in %s; `down` removes everything, `up` tries again)", c.Name, err, c.Path("logs"))
	}
	say("cluster %s is up (%.1f s): https://127.0.0.1:%d\n  export KUBECONFIG=%s", c.Name, time.Since(begin).Seconds(), st.APIPort, c.Kubeconfig())
	if running, err := procs.Read(before.PID); !started && err == nil && running.Exe != executable() {
		say("  it runs with another build: `up --restart` changes to this one")
	}
	for _, f := range st.Forwards {
		if f.Problem != "" {
			say("  forward %s is not open: %s", f, f.Problem)
		}
	}
	return nil
}

// endSupervisor ends the supervisor alone. The next one ends what it left
// running, except the pods.
func endSupervisor(c layout.Cluster) error {
	found, err := procs.Find(c, []string{component.SuperviseVerb})
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(p procs.Process) bool { return p.Verb() != component.SuperviseVerb })
	if left := procs.Stop(found, 0); len(left) > 0 {
		return fmt.Errorf("the supervisor (%d) does not end", left[0].PID)
	}
	return nil
}

// unexpected is the error for arguments that a verb does not take.
func unexpected(verb string, rest []string, err error) error {
	if err != nil {
		return err
	}
	return usageError(fmt.Sprintf("%s does not take %q; see `sky-cluster help`", verb, strings.Join(rest, " ")))
}

// pauseProgram is built beside this binary.
func pauseProgram() string { return filepath.Join(filepath.Dir(executable()), "pause") }

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// start prepares the machine and starts the supervisor.
func start(ctx context.Context, c layout.Cluster, client *supervise.Client) error {
	if err := host.Check(c); err != nil {
		return err
	}
	if err := claim(c); err != nil {
		return err
	}
	if err := forgetEarlierBoot(c); err != nil {
		return err
	}
	release, err := host.Lock(filepath.Join(layout.RunRoot, ".host.lock"), lockWait)
	if err != nil {
		return err
	}
	err = host.Remember()
	release()
	if err != nil {
		return err
	}
	if err := netns.Create(c); err != nil {
		return err
	}
	return spawn(ctx, c, client)
}

// claim makes the cluster's directories and writes down which cache directory
// the name belongs to: namespace and cgroup names are one per machine.
func claim(c layout.Cluster) error {
	for _, dir := range []string{c.Run(), c.Path("logs")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(c.RunPath("owner"), []byte(c.State()), 0o600)
}

// refuseForeign stops when the name is in use from another cache directory.
func refuseForeign(c layout.Cluster) error {
	owner, err := os.ReadFile(c.RunPath("owner"))
	if err != nil || string(owner) == c.State() {
		return nil
	}
	return fmt.Errorf("a cluster named %s runs from another cache directory (%s): choose another --name, or use it with SKY_CACHE_DIR=%s",
		c.Name, owner, filepath.Dir(filepath.Dir(string(owner))))
}

// forgetEarlierBoot drops sockets and container state of before a reboot: no
// process behind them exists any more.
func forgetEarlierBoot(c layout.Cluster) error {
	now, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	before, err := os.ReadFile(c.Path("boot-id"))
	if err == nil && string(before) == string(now) {
		return nil
	}
	if err == nil {
		entries, _ := os.ReadDir(c.Run())
		for _, e := range entries {
			if e.Name() != "owner" {
				if err := os.RemoveAll(c.RunPath(e.Name())); err != nil {
					return err
				}
			}
		}
	}
	return os.WriteFile(c.Path("boot-id"), now, 0o600)
}

// spawn starts the supervisor, detached from this terminal, in a mount
// namespace for the cluster, and waits for its socket.
func spawn(ctx context.Context, c layout.Cluster, client *supervise.Client) error {
	logFile, err := os.OpenFile(c.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logFile.Close()
	enter, err := mountNamespace(c)
	if err != nil {
		return err
	}
	args := append(enter, executable(), component.SuperviseVerb, c.State(), c.Name)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = c.State()
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(30 * time.Second)
	for {
		if _, err := client.Status(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return fmt.Errorf("the supervisor ended at once (%v); see %s", err, c.Log("supervisor"))
		case <-deadline:
			return errors.New("the supervisor does not answer; see " + c.Log("supervisor"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// mountNamespace says how to enter the cluster's mount namespace: the one in
// which its pods still run, or a new one.
func mountNamespace(c layout.Cluster) ([]string, error) {
	left, err := procs.Find(c, component.Verbs())
	if err != nil {
		return nil, err
	}
	for _, p := range left {
		if filepath.Base(p.Exe) != "runc" {
			return []string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", p.PID), "--"}, nil
		}
	}
	return []string{"unshare", "--mount", "--propagation", "slave", "--"}, nil
}
