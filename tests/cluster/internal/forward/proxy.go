// Package forward carries connections from the host's loopback address into the
// cluster.
package forward

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"
)

// DialFunc opens the other end of one forwarded connection.
type DialFunc func(ctx context.Context) (net.Conn, error)

// halfCloser is a connection that can say "no more from me" and still read.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// Serve accepts connections until the listener is closed.
func Serve(l net.Listener, dial DialFunc) {
	for {
		client, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as too many open files: others will end
			log.Printf("forward %s: %v", l.Addr(), err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		go serve(client.(halfCloser), dial)
	}
}

func serve(client halfCloser, dial DialFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	upstream, err := dial(ctx)
	if err != nil {
		log.Printf("forward %s: %v", client.LocalAddr(), err)
		client.Close()
		return
	}
	Join(client, upstream.(halfCloser))
}

// Join copies both ways until both sides have finished. The end of one
// direction is passed on as such, so that a long answer to a finished request
// arrives; an error on either side ends both at once.
func Join(a, b halfCloser) {
	var both sync.WaitGroup
	half := func(dst, src halfCloser) {
		defer both.Done()
		_, err := io.Copy(dst, src)
		if err == nil {
			err = dst.CloseWrite()
		}
		if err != nil {
			a.Close()
			b.Close()
		}
	}
	both.Add(2)
	go half(a, b)
	half(b, a)
	both.Wait()
	a.Close()
	b.Close()
}
