//go:build unix

package http2

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/tools"
)

// end is somebody's HTTP/2 server, which ends TLS and passes requests on.
type end struct {
	program string
	// config returns the text of a configuration file, "" for none, and the arguments.
	// %d of the file and the folder are filled in by start.
	config func(at place) (file string, args []string)
	reload syscall.Signal
}

// place is where an end is, and what stands behind it.
type place struct {
	dir, addr, behind string
	settings          string // lines of the test's own
}

func (p place) port() string { return p.addr[strings.LastIndexByte(p.addr, ':')+1:] }

var nginx = end{"nginx", func(at place) (string, []string) {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	return user + `
daemon off;
pid ` + at.dir + `/pid;
error_log ` + at.dir + `/error.log;
events {}
http {
	access_log off;
	client_body_temp_path ` + at.dir + `/body;
	proxy_temp_path ` + at.dir + `/proxy;
	fastcgi_temp_path ` + at.dir + `/fastcgi;
	uwsgi_temp_path ` + at.dir + `/uwsgi;
	scgi_temp_path ` + at.dir + `/scgi;
	client_max_body_size 16m;
	server {
		listen ` + at.addr + ` ssl http2;
		ssl_certificate ` + at.dir + `/cert.pem;
		ssl_certificate_key ` + at.dir + `/key.pem;
		` + at.settings + `
		location / {
			proxy_pass http://` + at.behind + `;
			proxy_set_header Host $http_host;
			proxy_http_version 1.1;
		}
	}
}
`, []string{"-c", at.dir + "/config", "-e", at.dir + "/error.log", "-p", at.dir}
}, syscall.SIGHUP}

var haproxy = end{"haproxy", func(at place) (string, []string) {
	return `
global
	` + at.settings + `
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend front
	bind ` + at.addr + ` ssl crt ` + at.dir + `/both.pem alpn h2
	default_backend behind
backend behind
	server kinesis ` + at.behind + `
`, []string{"-W", "-f", at.dir + "/config"}
}, syscall.SIGUSR2}

var nghttpx = end{"nghttpx", func(at place) (string, []string) {
	return "", append([]string{"--conf=/dev/null", "--frontend=127.0.0.1," + at.port(), "--backend=" + strings.Replace(at.behind, ":", ",", 1),
		"--workers=1", "--accesslog-file=/dev/null", "--pid-file=" + at.dir + "/pid", "--no-ocsp"}, append(strings.Fields(at.settings), at.dir+"/key.pem", at.dir+"/cert.pem")...)
}, syscall.SIGHUP}

// start starts an end, which is stopped with the test. The pool trusts it; reload makes
// it start anew and let its connections go.
func (e end) start(t *testing.T, behind, settings string) (url string, pool *x509.CertPool, reload func()) {
	program := tools.Path(t, "http2-setup.sh", "http2", "bin", e.program)
	at := place{t.TempDir(), freeAddr(t), behind, settings}
	pool = certificate(t, at.dir)
	file, args := e.config(at)
	require.NoError(t, os.WriteFile(filepath.Join(at.dir, "config"), []byte(file), 0o600))
	cmd := exec.Command(program, args...)
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(at.dir, "error.log"))
			t.Logf("%s said:\n%s\n%s", e.program, out.String(), log)
		}
	})
	var err error
	for range 200 { // until it listens
		var conn *tls.Conn
		if conn, err = tls.Dial("tcp", at.addr, &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}}); err == nil {
			require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
			require.NoError(t, conn.Close())
			break
		}
		select {
		case why := <-ended:
			ended <- why
			t.Fatalf("%s ended: %v\n%s", e.program, why, out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	require.NoError(t, err, "%s does not listen: %s", e.program, &out)
	return "https://" + at.addr, pool, func() { require.NoError(t, cmd.Process.Signal(e.reload)) }
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// certificate writes a certificate and its key, apart and together.
func certificate(t *testing.T, dir string) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert, keyPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": keyPEM, "both.pem": append(append([]byte{}, cert...), keyPEM...)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(cert), fmt.Sprint(dir))
	return pool
}
