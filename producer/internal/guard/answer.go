package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go/middleware"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// bound is the most that an answer may be.
type bound struct {
	bytes  int
	values int // in it; each takes memory when it is decoded, some many times their size
}

// bounds are those of the operations of a producer: what the service's limits allow,
// two or three times.
var bounds = map[string]bound{
	// 500 results, each of an error of some 330 bytes.
	"PutRecords": {512 << 10, 8 << 10},
	// A page of 1,000 shards, each of some 700 bytes and 13 values.
	"ListShards":            {2 << 20, 64 << 10},
	"DescribeStreamSummary": {64 << 10, 1 << 10},
}

var (
	// otherBound is that of all others. GetRecords gives up to 10 MiB, more as base64.
	otherBound = bound{16 << 20, 1 << 20}
	// errorBound is that of answers that say what is wrong.
	errorBound = bound{64 << 10, 1 << 10}
)

// look refuses an answer that Kinesis did not write, or cannot have written, and reads
// the others.
func look(r *http.Request, resp *http.Response) error {
	status, kind, id := resp.StatusCode, resp.Header.Get("Content-Type"), RequestID(resp.Header)
	operation := middleware.GetOperationName(r.Context())
	switch {
	case resp.Request != nil && resp.Request.URL != nil && resp.Request.URL.Host != r.URL.Host:
		return answered(failure.CodeRedirected, status, "it comes from %q, and not from the endpoint", host(resp.Request.URL))
	case status >= 300 && status < 400:
		return answered(failure.CodeRedirected, status, "it points to %q, where nothing is sent", location(resp))
	case status == 511, status == 407, failure.Foreign(kind, id):
		return answered(failure.CodeForAnswer(status, kind, id), status, "it is %q and not one of Kinesis", cut(kind))
	case operation == "SubscribeToShard" && status < 300:
		return nil // a stream, which is read in small parts
	}
	most := otherBound
	if b, ok := bounds[operation]; ok {
		most = b
	}
	if status >= 300 {
		most = errorBound
	}
	b, err := read(resp, most.bytes)
	if err != nil {
		return err
	}
	if status >= 300 {
		hide(b, r)
	}
	if err := shape(b, most.values); err != nil {
		code := failure.CodeForStatus(status)
		if status < 300 && errors.Is(err, errTooMuch) {
			code = failure.CodeHugeResponse
		}
		return answered(code, status, "%w", err)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	return nil
}

// read returns the body of an answer, and closes it.
func read(resp *http.Response, most int) ([]byte, error) {
	code := failure.CodeForStatus(resp.StatusCode)
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, answered(code, resp.StatusCode, "it is encoded as %q, which was not asked for", cut(e))
	}
	var b bytes.Buffer
	_, err := b.ReadFrom(io.LimitReader(resp.Body, int64(most)+1))
	_ = resp.Body.Close()
	if b.Len() > most {
		if resp.StatusCode < 300 {
			code = failure.CodeHugeResponse
		}
		return nil, answered(code, resp.StatusCode, "it is larger than %d bytes: %w", most, errTooMuch)
	}
	if err != nil {
		return nil, fmt.Errorf("the answer, of status %d, ends before its time: %w", resp.StatusCode, err)
	}
	return b.Bytes(), nil
}

// answered is the error for an answer that is none.
func answered(code string, status int, format string, args ...any) error {
	return &failure.Error{Code: code, Status: status, Err: fmt.Errorf("the answer, of status %d, is refused: "+format, append([]any{status}, args...)...)}
}

// RequestID is what AWS names a request by, "" if it did not answer.
func RequestID(h http.Header) string {
	if id := h.Get("X-Amzn-Requestid"); id != "" {
		return id
	}
	return h.Get("X-Amz-Request-Id")
}

// location is the host that a redirect points to.
func location(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return ""
	}
	return host(u)
}

func host(u *url.URL) string { return cut(u.Host) }

// cut shortens what the far end wrote.
func cut(s string) string { return s[:min(len(s), 100)] }

// hide replaces the secrets of a request in an answer that repeats them.
func hide(b []byte, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	for _, secret := range [...]string{
		r.Header.Get("X-Amz-Security-Token"),
		after(authorization, "Credential=", "/"), // the access key id
		after(authorization, "Signature=", ","),
	} {
		for _, form := range [...]string{secret, strings.ReplaceAll(secret, "/", `\/`), url.QueryEscape(secret)} {
			if len(form) < 8 || strings.Trim(form, "*") == "" {
				continue
			}
			for at := bytes.Index(b, []byte(form)); at >= 0; at = bytes.Index(b, []byte(form)) {
				for j := range form {
					b[at+j] = '*'
				}
			}
		}
	}
}

// after returns what is between begin and end in s, or after begin, or "".
func after(s, begin, end string) string {
	_, s, _ = strings.Cut(s, begin)
	s, _, _ = strings.Cut(s, end)
	return s
}

// inClear refuses to send a session token where anybody can read it.
func (c *Client) inClear(r *http.Request) error {
	if r.Header.Get("X-Amz-Security-Token") == "" || r.URL.Scheme == "https" && !c.Unverified || Loopback(r.URL.Hostname()) {
		return nil
	}
	return &failure.Error{Code: failure.CodeTokenInClear, Err: fmt.Errorf("the call to %s://%s would send the session token in clear", r.URL.Scheme, host(r.URL))}
}

// Loopback reports whether a host is this machine: localhost or a loopback address.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
