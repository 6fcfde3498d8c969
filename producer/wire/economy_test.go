package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// front stands before a server and refuses what it does not like. seen are the forms
// of the requests: cbor or json, then "+" if they have all headers of the SDK.
type front struct {
	*kinesistest.Server
	url string

	mu     sync.Mutex
	refuse func(r *http.Request, form string, size int) (status int, kind, body string)
	seen   []string
}

func newFront(t *testing.T) *front {
	srv, err := kinesistest.Start(kinesistest.Config{Plain: true, Unlimited: true})
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	require.NoError(t, srv.CreateStream("s", 1, kinesistest.StreamOptions{}))
	to, err := url.Parse(srv.URL())
	require.NoError(t, err)
	f := &front{Server: srv}
	pass := httputil.NewSingleHostReverseProxy(to)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form := strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Content-Type"), "application/x-amz-"), "-1.1")
		if strings.Contains(r.UserAgent(), "aws-sdk-go") {
			form += "+"
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.mu.Lock()
		f.seen = append(f.seen, form)
		refuse := f.refuse
		f.mu.Unlock()
		if refuse != nil {
			if status, kind, body := refuse(r, form, len(body)); status != 0 {
				w.Header()["Content-Type"] = nil
				if kind != "" {
					w.Header().Set("Content-Type", kind)
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return
			}
		}
		pass.ServeHTTP(w, r) // the host stays, which is signed
	}))
	t.Cleanup(web.Close)
	f.url = web.URL
	return f
}

// forms returns what was seen since it was called last.
func (f *front) forms() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.seen = nil }()
	return strings.Join(f.seen, " ")
}

func (f *front) client(t *testing.T) (*Client, *economies) {
	c, err := NewClient(Config{Endpoint: f.url, Credentials: f.Credentials()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	e := new(economies)
	c.Client = kinesis.New(c.Client.Options(), func(o *kinesis.Options) {
		o.APIOptions = slices.Clone(o.APIOptions)[:len(o.APIOptions)-1] // those of NewClient
		withEconomies(o, e)
	})
	return c, e
}

func putOne(c *Client, size int) error {
	_, err := c.PutRecords(context.Background(), &kinesis.PutRecordsInput{StreamName: aws.String("s"),
		Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("k"), Data: make([]byte, size)}}},
		func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	return err
}

const amzJSON = "application/x-amz-json-1.1"

// TestEachEconomyHasAWayBack: an endpoint, or what stands before it, refuses one
// economy. The call goes through all the same, in the plainer form; later calls go
// in it at once; and after an hour one finds out whether it is still so.
func TestEachEconomyHasAWayBack(t *testing.T) {
	isCBOR := func(form string) bool { return strings.HasPrefix(form, "cbor") }
	isPlain := func(form string) bool { return strings.HasSuffix(form, "+") }
	answer := func(status int, kind, body string) func() (int, string, string) {
		return func() (int, string, string) { return status, kind, body }
	}
	for name, c := range map[string]struct {
		economical func(form string) bool
		answer     func() (int, string, string)
		first      string // the forms of the first call
		then       string
	}{
		"CBOR, by an endpoint that speaks JSON only": {isCBOR, answer(400, amzJSON, `{"__type":"UnknownOperationException"}`), "cbor json", "json"},
		"CBOR, by a code of its own":                 {isCBOR, answer(400, "application/json", `{"__type":"SerializationException"}`), "cbor json", "json"},
		"CBOR, by a firewall":                        {isCBOR, answer(403, "text/html", "<html>"), "cbor json", "json"},
		"CBOR, as a type nobody knows":               {isCBOR, answer(415, "", ""), "cbor json", "json"},
		"few headers, by a firewall":                 {func(f string) bool { return !isPlain(f) }, answer(403, "text/html", "<html>"), "cbor json json+", "cbor+"},
		"few headers, by a code of AWS":              {func(f string) bool { return !isPlain(f) }, answer(400, amzJSON, `{"__type":"IncompleteSignatureException"}`), "cbor cbor+", "cbor+"},
		"a sparing signature": {func(f string) bool { return !isPlain(f) },
			answer(400, amzJSON, `{"__type":"InvalidSignatureException","message":"The request signature we calculated does not match the signature you provided."}`), "cbor cbor+", "cbor+"},
		"both": {func(f string) bool { return isCBOR(f) || !isPlain(f) }, answer(406, "text/plain", "no"), "cbor json json+", "cbor+ json+"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t)
			f.refuse = func(_ *http.Request, form string, _ int) (int, string, string) {
				if c.economical(form) {
					return c.answer()
				}
				return 0, "", ""
			}
			client, e := f.client(t)
			require.NoError(t, putOne(client, 300))
			require.Equal(t, c.first, f.forms())
			require.NoError(t, putOne(client, 300))
			require.Equal(t, c.then, f.forms())
			if name != "both" {
				for range 3 {
					require.NoError(t, putOne(client, 300))
				}
				require.Equal(t, strings.Repeat(c.then+" ", 2)+c.then, f.forms())
			}
			for _, r := range []*refusal{&e.cbor, &e.headers} {
				if r.stands() {
					require.WithinDuration(t, time.Now().Add(time.Hour), r.until, time.Minute)
				}
			}
			// An hour later.
			e.cbor.set(0)
			e.headers.set(0)
			require.NoError(t, putOne(client, 300))
			require.Equal(t, c.first, f.forms(), "tried again")
			e.cbor.set(0)
			e.headers.set(0)
			f.refuse = nil
			require.NoError(t, putOne(client, 300))
			require.Equal(t, "cbor", f.forms(), "and it works again")
		})
	}
}

// TestOtherRefusalsAreNotTheForm: what is refused in any form, or passes, is no reason
// to do without an economy, and not tried in other forms again and again.
func TestOtherRefusalsAreNotTheForm(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		kind, body string
		first      string // the forms of the first call that fails
	}{
		"too large":              {413, "text/html", "<html>", "cbor"},
		"too large, in JSON":     {413, amzJSON, `{"__type":"RequestEntityTooLargeException"}`, "cbor"},
		"too many":               {429, "", "", "cbor"},
		"a login":                {407, "text/html", "<html>", "cbor"},
		"no permission, in JSON": {400, amzJSON, `{"__type":"AccessDeniedException"}`, "cbor json"},
		"a portal":               {403, "text/html", "<html>", "cbor json json+"},
		"a redirect":             {302, "", "", "cbor"},
		"a gateway's error":      {502, "text/html", "<html>", "cbor"},
		"the clock":              {400, amzJSON, `{"__type":"InvalidSignatureException","message":"Signature expired: 2000 is now earlier than 2026"}`, "cbor"},
		"a wrong secret":         {403, amzJSON, `{"__type":"InvalidSignatureException","message":"The request signature we calculated does not match"}`, "cbor cbor+"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t)
			f.refuse = func(*http.Request, string, int) (int, string, string) { return c.status, c.kind, c.body }
			client, e := f.client(t)
			require.Error(t, putOne(client, 300))
			require.Equal(t, c.first, f.forms())
			require.Error(t, putOne(client, 300))
			require.Equal(t, "cbor", f.forms(), "not again for a while")
			f.refuse = nil
			require.NoError(t, putOne(client, 300))
			require.Equal(t, "cbor", f.forms())
			require.False(t, e.cbor.stands() || e.headers.stands())
		})
	}
	// A limit of size, between calls that are small enough.
	f := newFront(t)
	f.refuse = func(_ *http.Request, _ string, size int) (int, string, string) {
		if size > 2000 {
			return 413, "text/html", ""
		}
		return 0, "", ""
	}
	client, _ := f.client(t)
	for _, size := range []int{5000, 100, 5000, 5000, 100} {
		require.Equal(t, size > 2000, putOne(client, size) != nil)
	}
	require.Equal(t, "cbor cbor cbor cbor cbor", f.forms())
	recs, err := f.Records("s")
	require.NoError(t, err)
	require.Len(t, recs, 2)
}

// TestALostAnswerIsNotForgotten: the plainer form got no answer, so it may have been
// stored, and the refusal of the first does not hide that.
func TestALostAnswerIsNotForgotten(t *testing.T) {
	f := newFront(t)
	f.refuse = func(_ *http.Request, form string, _ int) (int, string, string) {
		if form == "cbor" {
			return 400, amzJSON, `{"__type":"UnknownOperationException"}`
		}
		return 0, "", ""
	}
	client, e := f.client(t)
	f.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.LoseReply()})
	err := putOne(client, 300)
	require.ErrorContains(t, err, "502", "of the front, which lost its own end")
	require.NotContains(t, err.Error(), "UnknownOperation")
	require.False(t, e.cbor.stands())
	require.NoError(t, putOne(client, 300))
	require.True(t, e.cbor.stands())
}
