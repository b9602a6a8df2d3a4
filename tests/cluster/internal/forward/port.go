package forward

import (
	"fmt"
	"net"
)

// ListenAPI opens the host's port for the API server. A wish of the user is
// taken literally; otherwise the preferred port and those after it are tried,
// then any free one.
func ListenAPI(wish, preferred int) (net.Listener, int, error) {
	if wish != 0 {
		l, err := listenLocal(wish)
		if err != nil {
			return nil, 0, fmt.Errorf("port %d for the API server: %w: choose another with --api-port, or leave it out", wish, err)
		}
		return l, wish, nil
	}
	for port := preferred; port < preferred+20 && port <= 65535; port++ {
		if l, err := listenLocal(port); err == nil {
			return l, port, nil
		}
	}
	l, err := listenLocal(0)
	if err != nil {
		return nil, 0, fmt.Errorf("no free port on 127.0.0.1 for the API server: %w", err)
	}
	return l, l.Addr().(*net.TCPAddr).Port, nil
}

func listenLocal(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
