package kinesistest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// targetPrefix begins every X-Amz-Target of the service.
const targetPrefix = "Kinesis_20131202."

// codec is a body encoding of the service.
type codec struct {
	contentType string
	decode      func([]byte) (map[string]any, error)
	encode      func(dst []byte, v any) []byte
}

var (
	jsonCodec = codec{"application/x-amz-json-1.1", decodeJSON, appendJSON}
	cborCodec = codec{"application/x-amz-cbor-1.1", decodeCBOR, appendCBOR}
)

// call is one request on its way through the server.
type call struct {
	operation string
	codec     codec
	body      []byte
	faults    troubles
	in        input
	now       time.Time
}

// serve answers one HTTP request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.running.Done()

	c := call{codec: jsonCodec}
	if mediaType(r) == cborCodec.contentType {
		c.codec = cborCodec
	}
	c.operation, _ = strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	body, bodyErr := readBody(r)
	c.body = body
	if _, isAPI := bodyErr.(*apiError); bodyErr != nil && !isAPI {
		return // the client is gone
	}
	requestID := s.count(&c)

	if d := c.faults.total(delay); d > 0 && !s.wait(r, d) {
		abort(r)
	}
	if _, hit := c.faults.first(reset); hit {
		abort(r)
	}
	if s.instead(w, r, &c) {
		return
	}
	offset := c.faults.total(clockOffset)
	w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
	w.Header().Set("X-Amzn-Requestid", requestID)

	var reply object
	err := bodyErr
	if err == nil {
		err = s.check(r, body, offset)
	}
	if err == nil {
		reply, err = s.answer(&c)
	}
	if _, hit := c.faults.first(loseReply); hit {
		abort(r)
	}
	s.write(w, r, &c, reply, err)
}

// begin registers a request, unless the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// count enters a request in the books, gives it an id, and lets the faults pick.
func (s *Server) count(c *call) (requestID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if _, known := operations[c.operation]; known {
		s.calls[c.operation]++
	}
	if c.operation == "PutRecords" {
		s.putBytes += int64(len(c.body))
	}
	c.faults = s.troublesOf(c.operation)
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", s.requests)
}

// wait sleeps; it reports false if the client or the server goes away first.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// abort breaks the connection of a request. It does not return.
func abort(r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		inner := conn
		if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
			inner = t.NetConn()
		}
		if tcp, ok := inner.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // RST instead of FIN
		}
		_ = inner.Close()
	}
	panic(http.ErrAbortHandler)
}

func mediaType(r *http.Request) string {
	t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// readBody reads at most maxBody. The error is an *apiError if the body is too
// large, any other if it could not be read.
func readBody(r *http.Request) ([]byte, error) {
	tooLarge := errf("RequestEntityTooLargeException", "The request body is larger than %d bytes.", maxBody)
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead) // at most maxBody
	}
	if _, err := b.ReadFrom(io.LimitReader(r.Body, maxBody+1)); err != nil {
		return nil, err
	}
	if b.Len() > maxBody {
		return nil, tooLarge
	}
	return b.Bytes(), nil
}

// check refuses a request that is not one of the service, or not signed.
func (s *Server) check(r *http.Request, body []byte, offset time.Duration) error {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return &apiError{codeUnknownOperation, fmt.Sprintf("%s %s is not an operation of the service; want POST /", r.Method, quoted(r.URL.Path)), 404}
	}
	if t := mediaType(r); t != jsonCodec.contentType && t != cborCodec.contentType {
		return &apiError{codeUnknownOperation, fmt.Sprintf("Content-Type %s is not supported; want %s or %s", quoted(t), jsonCodec.contentType, cborCodec.contentType), 404}
	}
	return s.authenticate(r, body, time.Now().Add(offset))
}

// answer carries out an operation, under s.mu.
func (s *Server) answer(c *call) (object, error) {
	if e, hit := c.faults.first(failCall, emptyReply); hit && !e.commit {
		if e.kind == emptyReply {
			return nil, nil
		}
		message := e.message
		if message == "" {
			message = messageOf(e.code)
		}
		return nil, &apiError{e.code, message, e.status}
	}
	op, known := operations[c.operation]
	if !known {
		return nil, errf(codeUnknownOperation, "X-Amz-Target %s is not an operation that kinesistest has", quoted(targetPrefix+c.operation))
	}
	members, err := c.codec.decode(c.body)
	if err != nil {
		return nil, errf(codeSerialization, "the %s body of %s does not decode: %v", c.codec.contentType, c.operation, err)
	}
	c.in = newInput(members)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = time.Now()
	return op(s, c)
}

// write sends the reply in the encoding of the request.
func (s *Server) write(w http.ResponseWriter, r *http.Request, c *call, reply object, err error) {
	status := http.StatusOK
	var body []byte
	if err != nil {
		api := new(apiError)
		if !errors.As(err, &api) {
			api = &apiError{code: codeInternalFailure, message: err.Error()}
		}
		if status = api.status; status < 400 || status > 599 {
			status = statusOf(api.code)
		}
		w.Header().Set("X-Amzn-Errortype", api.code)
		body = c.codec.encode(nil, object{{"__type", api.code}, {"message", api.message}})
	} else {
		e, _ := c.faults.first(emptyReply, wrongCount, badReply)
		if e.kind == wrongCount {
			reply = miscount(reply, e.n)
		}
		if reply != nil && e.kind != emptyReply {
			body = c.codec.encode(nil, reply)
		}
		if e.kind == badReply {
			if reply == nil { // cut off something
				body = c.codec.encode(nil, object{{"Reply", "none"}})
			}
			body = body[:(len(body)+1)/2]
		}
	}
	w.Header().Set("Content-Type", c.codec.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if _, hit := c.faults.first(goAway); hit {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
	if e, hit := c.faults.first(dripReply); hit {
		s.drip(w, r, body, e.d)
		return
	}
	_, _ = w.Write(body) // an error means that the client is gone
}

// miscount adds n result entries to a reply of PutRecords, or removes -n.
func miscount(reply object, n int) object {
	for i, m := range reply {
		entries, ok := m.value.([]any)
		if m.name != "Records" || !ok || len(entries) == 0 {
			continue
		}
		for ; n > 0; n-- {
			entries = append(entries, entries[len(entries)-1])
		}
		reply[i].value = entries[:max(0, len(entries)+n)]
	}
	return reply
}
