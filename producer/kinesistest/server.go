package kinesistest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// The one identity that the server knows. Requests may carry any session token
// beside it, up to [Server.ExpireToken]. They are the example keys of the AWS
// documentation, so secret scanners let them pass.
const (
	AccessKeyID     = "AKIAIOSFODNN7EXAMPLE"
	SecretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	AccountID       = "123456789012" // the account that owns the streams
)

// Config of a server. The zero value is good for most tests.
type Config struct {
	// Listener to serve on, such as a [PipeListener]. The server closes it.
	// Nil: a free TCP port of 127.0.0.1.
	Listener net.Listener
	// Plain serves HTTP without TLS: HTTP/1.1, and HTTP/2 with prior knowledge.
	Plain bool
	// Region that signatures must be made for, and that ARNs name.
	// Empty: us-east-1.
	Region string
	// Unlimited lifts the write throughput of shards, not the limits of a request.
	Unlimited bool
	// ReadLimits enforces the read throughput of shards: five GetRecords and
	// 2 MiB a second each.
	ReadLimits bool
	// ChangeDelay is how long a stream made over the wire stays CREATING, and a
	// resharded one UPDATING. The shards change at once. Zero: not at all.
	ChangeDelay time.Duration
	// Seed of the random choices of faults.
	Seed uint64
}

// Server is a running server. Its methods may be called from any goroutine.
type Server struct {
	config Config
	url    string
	pool   *x509.CertPool
	http   *http.Server
	client *http.Client

	done      chan struct{} // closed by Close
	closeOnce sync.Once
	running   sync.WaitGroup // goroutines of connections and requests

	mu       sync.Mutex
	closed   bool
	streams  map[string]*stream
	calls    map[string]int
	putBytes int64
	requests uint64
	faults   []*Injection
	injected uint64
	expired  map[string]bool // session tokens
	conns    map[net.Conn]bool
}

// Start starts a server. Close it after use.
func Start(c Config) (*Server, error) {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	s := &Server{
		config:  c,
		done:    make(chan struct{}),
		streams: map[string]*stream{},
		calls:   map[string]int{},
		expired: map[string]bool{},
		conns:   map[net.Conn]bool{},
	}
	cert, pool, err := newCertificate(time.Now())
	if err != nil {
		return nil, err
	}
	s.pool = pool
	l := c.Listener
	if l == nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("kinesistest: %w", err)
		}
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(c.Plain)
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		Protocols:         &protocols,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         s.connState,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	scheme := "https"
	if c.Plain {
		scheme = "http"
	}
	s.url = scheme + "://" + l.Addr().String()
	s.client = s.newHTTPClient(l)
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		// Both return an error always; Close is the cause.
		if c.Plain {
			_ = s.http.Serve(l)
		} else {
			_ = s.http.ServeTLS(l, "", "")
		}
	}()
	return s, nil
}

// connKey is the context key of a request's connection.
type connKey struct{}

// connState keeps account of connections, so that Close can wait for them.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.running.Add(1)
		s.conns[c] = true
		if s.closed { // accepted while Close ran
			go c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		if s.conns[c] {
			delete(s.conns, c)
			s.running.Done()
		}
	}
}

// Close stops the server: it breaks every connection and waits until all
// goroutines of the server have ended. The stored records stay to be read. It
// may be called more than once.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.done)
		s.client.CloseIdleConnections()
		_ = s.http.Close()
	})
	s.running.Wait()
}

// URL returns the base URL of the service, such as https://127.0.0.1:38017.
func (s *Server) URL() string { return s.url }

// Region returns the region that requests must be signed for.
func (s *Server) Region() string { return s.config.Region }

// CertPool returns a new pool that holds the server's certificate, which is its
// own authority.
func (s *Server) CertPool() *x509.CertPool { return s.pool.Clone() }

// HTTPClient returns an HTTP client that trusts the server's certificate, speaks
// HTTP/2 and keeps TLS sessions. It is one client, shared by all who call it;
// Close closes its idle connections.
func (s *Server) HTTPClient() *http.Client { return s.client }

func (s *Server) newHTTPClient(l net.Listener) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP2(!s.config.Plain)
	protocols.SetHTTP1(true)
	t := &http.Transport{
		TLSClientConfig: &tls.Config{
			RootCAs:            s.pool,
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		Protocols:           &protocols,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 30 * time.Second,
	}
	if p, ok := l.(*PipeListener); ok {
		t.DialContext = p.Dial
	}
	return &http.Client{Transport: t}
}

// Credentials returns a provider of AccessKeyID and SecretAccessKey, without a
// session token.
func (s *Server) Credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey, Source: "kinesistest"}, nil
	})
}

// Client returns a client of the AWS SDK, in its default settings but for the
// server's URL, region, credentials and HTTP client. The functions may change
// them, as with kinesis.New.
func (s *Server) Client(optFns ...func(*kinesis.Options)) *kinesis.Client {
	return kinesis.New(kinesis.Options{
		BaseEndpoint: aws.String(s.url),
		Region:       s.config.Region,
		Credentials:  s.Credentials(),
		HTTPClient:   s.client,
	}, optFns...)
}
