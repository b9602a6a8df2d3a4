package forward

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Forward is one registered way into the cluster.
type Forward struct {
	Port      int    `json:"port"`
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	// Target is a port number or a port name of the Service.
	Target string `json:"target"`
	// Problem says why the port is not open, "" when it is.
	Problem string `json:"problem,omitempty"`
}

// ParseTarget reads NAMESPACE/SERVICE:PORT.
func ParseTarget(port, target string) (Forward, error) {
	usage := fmt.Errorf("%q: write NAMESPACE/SERVICE:PORT, such as default/gateway:8080", target)
	number, err := strconv.Atoi(port)
	if err != nil || number < 1 || number > 65535 {
		return Forward{}, fmt.Errorf("%q is not a port: use a number from 1 to 65535", port)
	}
	namespace, rest, ok := strings.Cut(target, "/")
	if !ok {
		return Forward{}, usage
	}
	service, servicePort, ok := strings.Cut(rest, ":")
	if !ok || namespace == "" || service == "" || servicePort == "" || strings.ContainsAny(rest, "/ ") {
		return Forward{}, usage
	}
	return Forward{Port: number, Namespace: namespace, Service: service, Target: servicePort}, nil
}

// String is the forward as the user wrote it.
func (f Forward) String() string {
	return fmt.Sprintf("127.0.0.1:%d -> %s/%s:%s", f.Port, f.Namespace, f.Service, f.Target)
}

// Table holds the open forwards and keeps them in a file across restarts.
type Table struct {
	file string
	dial func(Forward) DialFunc

	mu   sync.Mutex
	list []Forward
	open map[int]net.Listener
}

// NewTable reads the file, if there is one; Open then opens the ports.
func NewTable(file string, dial func(Forward) DialFunc) (*Table, error) {
	t := &Table{file: file, dial: dial, open: map[int]net.Listener{}}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &t.list); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): remove it and register the forwards again", file, err)
	}
	return t, nil
}

// Open opens every registered port that is not open yet. A port that somebody
// else took meanwhile is reported in the list and does not stop the others.
func (t *Table) Open() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.list {
		t.list[i].Problem = ""
		if err := t.listen(t.list[i]); err != nil {
			t.list[i].Problem = err.Error()
		}
	}
}

// Add registers a forward, replacing one of the same port.
func (t *Table) Add(f Forward) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeLocked(f.Port)
	if err := t.listen(f); err != nil {
		return err
	}
	t.list = append(t.list, f)
	return t.saveLocked()
}

// Remove forgets the forward of a port and says whether there was one.
func (t *Table) Remove(port int) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.list)
	t.closeLocked(port)
	return len(t.list) < before, t.saveLocked()
}

// List returns the registered forwards.
func (t *Table) List() []Forward {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}

func (t *Table) listen(f Forward) error {
	if t.open[f.Port] != nil {
		return nil
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", f.Port))
	if err != nil {
		return fmt.Errorf("port %d: %w: choose another one, or end what uses it", f.Port, err)
	}
	t.open[f.Port] = l
	go Serve(l, t.dial(f))
	return nil
}

func (t *Table) closeLocked(port int) {
	if l := t.open[port]; l != nil {
		l.Close()
		delete(t.open, port)
	}
	t.list = slices.DeleteFunc(t.list, func(f Forward) bool { return f.Port == port })
}

func (t *Table) saveLocked() error {
	data, err := json.MarshalIndent(t.list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(t.file+".new", t.file)
}
