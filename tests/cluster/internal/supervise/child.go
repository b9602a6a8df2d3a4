package supervise

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"skytask.dev/tests/cluster/internal/component"
	"skytask.dev/tests/cluster/internal/procs"
)

const (
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// stableAfter resets the backoff of a component that has run that long.
	stableAfter = 20 * time.Second
)

// ComponentStatus is what status shows of one component.
type ComponentStatus struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	LastExit string `json:"lastExit,omitempty"`
	// HeldUntil is set while a fault keeps the component dead.
	HeldUntil *time.Time `json:"heldUntil,omitempty"`
	Log       string     `json:"log"`
}

// child keeps one component running.
type child struct {
	comp component.Component
	log  string
	make func() *exec.Cmd

	done chan struct{}
	kick chan struct{}

	mu        sync.Mutex
	cancel    context.CancelFunc // nil until the first start
	pid       int
	process   *os.Process // that of pid
	started   time.Time
	restarts  int
	lastExit  string
	heldUntil time.Time // not started before
}

func newChild(comp component.Component, log string, command func() *exec.Cmd) *child {
	return &child{comp: comp, log: log, make: command, done: make(chan struct{}), kick: make(chan struct{}, 1)}
}

// start runs the component until stop, restarting it whenever it ends. When it
// is started already, a pause between two starts or a fault is cut short.
func (c *child) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heldUntil = time.Time{}
	if c.cancel != nil {
		select {
		case c.kick <- struct{}{}:
		default:
		}
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go c.loop(ctx)
}

func (c *child) loop(ctx context.Context) {
	defer close(c.done)
	backoff := firstBackoff
	for {
		begin := time.Now()
		exit := c.runOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		log.Printf("%s ended: %s", c.comp.Name, exit)
		if time.Since(begin) > stableAfter {
			backoff = firstBackoff
		}
		c.mu.Lock()
		c.pid, c.process, c.lastExit = 0, nil, exit
		c.restarts++
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
			backoff = firstBackoff
		case <-time.After(backoff):
			backoff = min(2*backoff, maxBackoff)
		}
		for c.held() > 0 {
			select {
			case <-ctx.Done():
				return
			case <-c.kick:
			case <-time.After(c.held()):
			}
		}
	}
}

// held is how long the component is kept dead from now on.
func (c *child) held() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.heldUntil)
}

// runOnce starts the program and waits for its end.
func (c *child) runOnce(ctx context.Context) string {
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err.Error()
	}
	defer out.Close()
	cmd := c.make()
	cmd.Stdout, cmd.Stderr = out, out
	// A group of its own, so that a Ctrl-C meant for a command stays there.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.launch(cmd); err != nil {
		return err.Error()
	}
	stopped := context.AfterFunc(ctx, func() { c.terminate(cmd.Process.Pid) })
	defer stopped()
	if err := cmd.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// launch starts the program, unless a fault has come since the last look. Both
// are done under the lock, so that a fault finds either no process or this one.
func (c *child) launch(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.heldUntil) {
		return errHeld
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.pid, c.process, c.started = cmd.Process.Pid, cmd.Process, time.Now()
	return nil
}

// terminate ends the program, at first kindly; the wait is bounded by Stop.
func (c *child) terminate(pid int) {
	if p, err := procs.Read(pid); err == nil {
		procs.Stop([]procs.Process{p}, 5*time.Second)
	}
}

// stop ends the component for good.
func (c *child) stop() {
	c.mu.Lock()
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel()
		<-c.done
	}
}

func (c *child) status() ComponentStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := ComponentStatus{Name: c.comp.Name, PID: c.pid, Restarts: c.restarts, LastExit: c.lastExit, Log: c.log}
	if until := c.heldUntil; time.Now().Before(until) {
		st.HeldUntil = &until
	}
	return st
}

func (c *child) startedAt() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid == 0 {
		return time.Time{}, fmt.Errorf("%s is not running", c.comp.Name)
	}
	return c.started, nil
}
