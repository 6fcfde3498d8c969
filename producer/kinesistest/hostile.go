package kinesistest

import (
	"net/http"
	"strings"
	"time"
)

// Reply answers with a status, a content type ("" for none) and a body, as a captive
// portal, a proxy or another service does: without the id of a request, and without
// carrying out the call.
func Reply(status int, contentType, body string) Effect {
	return Effect{kind: reply, status: status, message: contentType, body: body}
}

// Redirect answers with a status such as 302 or 307 that points to another URL. The
// call is not carried out.
func Redirect(status int, to string) Effect {
	return Effect{kind: redirect, status: status, message: to}
}

// EndlessReply answers as the service would, with status 200, but with a body that
// begins as given and goes on with its last byte for as long as the client reads. The
// call is not carried out. In JSON, `{"a":"b` is a text without end, and `{"a":[` lists within
// lists.
func EndlessReply(begin string) Effect { return Effect{kind: endlessReply, body: begin} }

// EndlessPages makes ListShards promise one more page each time: the same again. It
// does nothing to other operations.
func EndlessPages() Effect { return Effect{kind: endlessPages} }

// DripReply carries out the call and then sends the answer a byte at a time, one each
// d. It ends when the client goes away.
func DripReply(d time.Duration) Effect { return Effect{kind: dripReply, d: d} }

// GoAway carries out the call and answers, and says that the connection will be closed:
// GOAWAY in HTTP/2, Connection: close in HTTP/1.1.
func GoAway() Effect { return Effect{kind: goAway} }

// instead answers in the service's place, and reports whether it did.
func (s *Server) instead(w http.ResponseWriter, r *http.Request, c *call) bool {
	e, hit := c.faults.first(reply, redirect, endlessReply)
	if !hit {
		return false
	}
	w.Header()["Content-Type"] = nil // else net/http makes one up
	switch e.kind {
	case reply:
		if e.message != "" {
			w.Header().Set("Content-Type", e.message)
		}
		w.WriteHeader(e.status)
		_, _ = w.Write([]byte(e.body))
	case redirect:
		w.Header().Set("Location", e.message)
		w.WriteHeader(e.status)
	case endlessReply:
		w.Header().Set("Content-Type", c.codec.contentType)
		w.Header().Set("X-Amzn-Requestid", "00000000-0000-4000-8000-ffffffffffff")
		_, err := w.Write([]byte(e.body))
		more := []byte(strings.Repeat(e.body[max(0, len(e.body)-1):], 16<<10))
		for err == nil && len(more) > 0 && r.Context().Err() == nil && !s.closing() {
			_, err = w.Write(more)
		}
		panic(http.ErrAbortHandler)
	}
	return true
}

// closing reports whether Close was called.
func (s *Server) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// drip writes a body a byte at a time.
func (s *Server) drip(w http.ResponseWriter, r *http.Request, body []byte, each time.Duration) {
	flush := http.NewResponseController(w)
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil || flush.Flush() != nil || !s.wait(r, each) {
			panic(http.ErrAbortHandler)
		}
	}
}
