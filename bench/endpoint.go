package main

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// The stream that everything goes to.
const (
	streamName = "bench"
	shards     = 2
)

// tokenBytes is the length of the session token: about that of the tokens of STS
// and of the IoT credential provider, by which a device without a user signs.
const tokenBytes = 900

// endpoint is a Kinesis in this process, with TLS, behind a proxy that counts. It
// is fresh for each run.
type endpoint struct {
	server *kinesistest.Server
	proxy  *proxy
	ca     string // file with the server's certificate
}

func startEndpoint(dir string) (*endpoint, error) {
	server, err := kinesistest.Start(kinesistest.Config{Unlimited: true})
	if err != nil {
		return nil, err
	}
	if err := server.CreateStream(streamName, shards, kinesistest.StreamOptions{}); err != nil {
		server.Close()
		return nil, err
	}
	target := strings.TrimPrefix(server.URL(), "https://")
	e := &endpoint{server: server, ca: filepath.Join(dir, "ca.pem")}
	if err := e.writeCertificate(target); err != nil {
		server.Close()
		return nil, err
	}
	if e.proxy, err = startProxy(target); err != nil {
		server.Close()
		return nil, err
	}
	return e, nil
}

// writeCertificate asks the server for its certificate, which is its own
// authority, and writes it where programs in other languages can read it.
func (e *endpoint) writeCertificate(addr string) error {
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: e.server.CertPool(), MinVersion: tls.VersionTLS12})
	if err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	defer conn.Close()
	cert := conn.ConnectionState().PeerCertificates[0]
	return os.WriteFile(e.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600)
}

func (e *endpoint) url() string { return "https://" + e.proxy.addr() }

// close ends the connections. What the stream holds stays to be read.
func (e *endpoint) close() {
	e.proxy.close()
	e.server.Close()
}

// environ is what the programs get beside their job. Proxies of this machine's
// environment are not for the loopback.
func environ(job []string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if upper := strings.ToUpper(name); strings.HasPrefix(upper, "AWS_") || strings.HasSuffix(upper, "_PROXY") {
			continue
		}
		env = append(env, v)
	}
	return append(append(env, "AWS_ACCESS_KEY_ID="+kinesistest.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+kinesistest.SecretAccessKey,
		"AWS_SESSION_TOKEN="+sessionToken(), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"), job...)
}

// sessionToken looks like one: base64 that does not compress.
func sessionToken() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	token, x := make([]byte, tokenBytes), uint32(1)
	for i := range token {
		x = x*1664525 + 1013904223
		token[i] = alphabet[x>>26]
	}
	return string(token)
}
