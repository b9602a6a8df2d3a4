package supervise

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skytask.dev/tests/cluster/internal/component"
)

func TestChildIsRestartedAndStopped(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := newChild(component.Component{Name: "x"}, log, func() *exec.Cmd { return exec.Command("sh", "-c", "echo run; exit 3") })
	c.start()
	deadline := time.Now().Add(10 * time.Second)
	for c.status().Restarts < 2 && time.Now().Before(deadline) {
		c.start() // also ends the pause between two starts
		time.Sleep(10 * time.Millisecond)
	}
	c.stop()
	st := c.status()
	if st.Restarts < 2 || st.LastExit != "exit status 3" {
		t.Errorf("%+v", st)
	}
	before := st.Restarts
	time.Sleep(300 * time.Millisecond)
	if c.status().Restarts != before {
		t.Error("restarted after stop")
	}
}

func TestStopEndsARunningProgram(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := newChild(component.Component{Name: "x"}, log, func() *exec.Cmd { return exec.Command("sleep", "60") })
	c.start()
	for c.status().PID == 0 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	c.stop()
	if time.Since(begin) > 3*time.Second {
		t.Error("stopping took", time.Since(begin))
	}
}

func TestAFaultKillsAndHolds(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := newChild(component.Component{Name: "x"}, log, func() *exec.Cmd { return exec.Command("sleep", "60") })
	if c.hold(time.Minute) == nil {
		t.Error("a component that was never started was held")
	}
	c.start()
	defer c.stop()
	running := func(want bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); (c.status().PID != 0) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("running is not %v: %+v", want, c.status())
			}
		}
	}
	running(true)
	if err := c.hold(time.Minute); err != nil {
		t.Fatal(err)
	}
	running(false)
	time.Sleep(2 * firstBackoff)
	if st := c.status(); st.PID != 0 || st.HeldUntil == nil || st.LastExit != "signal: killed" {
		t.Errorf("not held: %+v", st)
	}
	c.start()
	running(true)
	if st := c.status(); st.HeldUntil != nil {
		t.Errorf("still held: %+v", st)
	}
	if err := c.hold(2 * firstBackoff); err != nil { // ends by itself
		t.Fatal(err)
	}
	running(false)
	running(true)
}

func TestAHeldComponentCanBeStopped(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := newChild(component.Component{Name: "x"}, log, func() *exec.Cmd { return exec.Command("sleep", "60") })
	c.start()
	if err := c.hold(time.Minute); err != nil {
		t.Fatal(err)
	}
	c.stop() // a test that hangs here fails by its time limit
}

func TestStopBeforeStart(t *testing.T) {
	newChild(component.Component{}, "", nil).stop()
}

func TestLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o600)
	if got := lastLines(path, 2); got != "    two\n    three" {
		t.Errorf("%q", got)
	}
	os.WriteFile(path, []byte("panic: bad file\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/src/f.go:3 +0x1\nmain.main()\n\t/src/m.go:9\n"), 0o600)
	if got := lastLines(path, 2); got != "    panic: bad file" {
		t.Errorf("a stack hides the message: %q", got)
	}
	if got := lastLines(path+"x", 2); strings.TrimSpace(got) != "" {
		t.Errorf("%q", got)
	}
}
