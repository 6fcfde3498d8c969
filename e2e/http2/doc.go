// Package http2 holds no code, only a test that puts the HTTP/2 ends of others before
// Kinesis. scripts/http2.sh runs it.
package http2
