package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	"skytask.dev/tests/cluster/internal/forward"
)

// Status is what the supervisor knows about its cluster.
type Status struct {
	PID        int               `json:"pid"`
	Ready      bool              `json:"ready"`
	Problem    string            `json:"problem,omitempty"`
	APIPort    int               `json:"apiPort"`
	Nodes      int               `json:"nodes"`
	Components []ComponentStatus `json:"components"`
	Forwards   []forward.Forward `json:"forwards"`
}

func (s *Supervisor) status() Status {
	s.mu.Lock()
	st := Status{PID: os.Getpid(), Ready: s.ready, Problem: s.problem, APIPort: s.apiPort, Nodes: s.nodes}
	s.mu.Unlock()
	for _, c := range s.children() {
		st.Components = append(st.Components, c.status())
	}
	st.Forwards = s.table.List()
	return st
}

// listenControl serves the control socket, which only root can reach.
func (s *Supervisor) listenControl() (*http.Server, error) {
	path := s.cluster.ControlSocket()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.status()) })
	mux.HandleFunc("POST /ensure", s.serveEnsure)
	mux.HandleFunc("POST /forwards", s.serveAdd)
	mux.HandleFunc("DELETE /forwards/{port}", s.serveRemove)
	mux.HandleFunc("POST /faults", s.serveFault)
	mux.HandleFunc("DELETE /faults/{target}", s.serveEndFault)
	mux.HandleFunc("DELETE /faults", s.serveEndFault)
	server := &http.Server{Handler: mux}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Fatalf("control socket: %v", err) // the next `up` starts a new supervisor
		}
	}()
	return server, nil
}

// serveEnsure streams one event a line while the cluster comes up.
func (s *Supervisor) serveEnsure(w http.ResponseWriter, r *http.Request) {
	var o Options
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := json.NewEncoder(w)
	report := func(e Event) {
		_ = out.Encode(e) // nobody listens any more: the work goes on
		http.NewResponseController(w).Flush()
	}
	err := s.Ensure(r.Context(), o, report)
	if err != nil {
		log.Printf("ensure: %v", err)
		report(Event{Error: err.Error()})
		return
	}
	st := s.status()
	report(Event{Status: &st})
}

func (s *Supervisor) serveAdd(w http.ResponseWriter, r *http.Request) {
	var f forward.Forward
	err := json.NewDecoder(r.Body).Decode(&f)
	if err == nil {
		err = s.table.Add(f)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	reply(w, f)
}

func (s *Supervisor) serveRemove(w http.ResponseWriter, r *http.Request) {
	port, err := strconv.Atoi(r.PathValue("port"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found, err := s.table.Remove(port)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !found:
		http.Error(w, "no forward on port "+strconv.Itoa(port), http.StatusNotFound)
	default:
		reply(w, struct{}{})
	}
}

func (s *Supervisor) serveFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	err := json.NewDecoder(r.Body).Decode(&f)
	if err == nil {
		err = s.inject(r.Context(), f)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	log.Printf("fault: %s is dead for %.0f s", f.Target, f.Seconds)
	reply(w, f)
}

func (s *Supervisor) serveEndFault(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), phaseLimit)
	defer cancel()
	if err := s.endFault(ctx, r.PathValue("target")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, struct{}{})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client went away
}
