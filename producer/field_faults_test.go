package producer_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

// hostileNet is a client with everything between it and Kinesis: a proxy, a provider of
// credentials, and a server with faults. A call that carries a bad record is refused.
type hostileNet struct {
	*wire.Client
	t         *testing.T
	srv       *kinesistest.Server
	schemas   []*record.Schema
	elsewhere string

	listener net.Listener
	conns    sync.WaitGroup
	proxy    atomic.Pointer[string] // how it answers CONNECT; "": as it should
	creds    atomic.Pointer[string] // what their provider does; "": as it should
	limit    atomic.Int64           // of the proxy, bytes of a call; 0: none
	over     chan struct{}          // closed at the end

	mu     sync.Mutex
	active []*kinesistest.Injection
	healed chan struct{} // closed when all is well
	named  map[string]int
}

func newHostileNet(t *testing.T, srv *kinesistest.Server, elsewhere string) *hostileNet {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h := &hostileNet{t: t, srv: srv, elsewhere: elsewhere, listener: l, healed: make(chan struct{}), over: make(chan struct{}), named: map[string]int{}}
	h.proxy.Store(new(string))
	h.creds.Store(new(string))
	h.conns.Go(h.serve)
	return h
}

func (h *hostileNet) proxyURL() string { return "http://" + h.listener.Addr().String() }

var nested = strings.Repeat("\x81", 1<<20)

// networkFaults are what a server, a proxy or a portal may answer. Those of the first kind
// hit calls of every operation, those of the second PutRecords only.
func (h *hostileNet) networkFaults() (any, put map[string]kinesistest.Effect) {
	const html = "text/html"
	page := "<html>" + strings.Repeat("<p>log in", 500)
	any = map[string]kinesistest.Effect{
		"302":             kinesistest.Redirect(302, h.elsewhere+"/login"),
		"307":             kinesistest.Redirect(307, h.elsewhere),
		"endless text":    kinesistest.EndlessReply(`{"a":"b`),
		"endless lists":   kinesistest.EndlessReply("\xa1\x61x\x81"),
		"nested":          kinesistest.Reply(200, "application/x-amz-cbor-1.1", "\xa1\x61x"+nested),
		"nested error":    kinesistest.Reply(400, "application/x-amz-cbor-1.1", "\xa1\x61x"+nested),
		"portal":          kinesistest.Reply(200, html, page),
		"portal 403":      kinesistest.Reply(403, html, page),
		"portal 511":      kinesistest.Reply(511, html, page),
		"proxy 502":       kinesistest.Reply(502, html, page),
		"proxy 503":       kinesistest.Reply(503, html, page),
		"proxy 407":       kinesistest.Reply(407, html, page),
		"xml":             kinesistest.Reply(200, "application/xml", "<x/>"),
		"plain 400":       kinesistest.Reply(400, "text/plain", "no"),
		"plain 429":       kinesistest.Reply(429, "", ""),
		"plain 500":       kinesistest.Reply(500, "", ""),
		"reset":           kinesistest.Reset(),
		"goaway":          kinesistest.GoAway(),
		"slow":            kinesistest.Delay(300 * time.Millisecond),
		"too slow":        kinesistest.Delay(1300 * time.Millisecond),
		"clock ahead":     kinesistest.ClockOffset(7 * time.Hour),
		"clock behind":    kinesistest.ClockOffset(-50 * time.Minute),
		"years ahead":     kinesistest.ClockOffset(3 * 365 * 24 * time.Hour),
		"throttled call":  kinesistest.FailCall("LimitExceededException", 0, ""),
		"expired":         kinesistest.FailCall("ExpiredTokenException", 0, token),
		"denied":          kinesistest.FailCall("AccessDeniedException", 0, "\x1b[2J "+token),
		"signature":       kinesistest.FailCall("InvalidSignatureException", 0, ""),
		"no stream":       kinesistest.FailCall("ResourceNotFoundException", 0, ""),
		"internal":        kinesistest.FailCall("InternalFailure", 0, ""),
		"something new":   kinesistest.FailCall("SomethingNewException", 0, ""),
		"unavailable 503": kinesistest.FailCall("ServiceUnavailable", 503, ""),
	}
	put = map[string]kinesistest.Effect{
		"lost answer":        kinesistest.LoseReply(),
		"cut answer":         kinesistest.BadReply(),
		"drip":               kinesistest.DripReply(20 * time.Millisecond),
		"empty":              kinesistest.EmptyReply(false),
		"empty, stored":      kinesistest.EmptyReply(true),
		"one more":           kinesistest.WrongCount(1),
		"one less":           kinesistest.WrongCount(-1),
		"throttled entries":  kinesistest.FailEntries("ProvisionedThroughputExceededException", 0.4),
		"entries fail":       kinesistest.FailEntries("InternalFailure", 0.3),
		"all throttled":      kinesistest.FailEntries("ProvisionedThroughputExceededException", 1),
		"KMS":                kinesistest.FailEntries("KMSDisabledException", 0.5),
		"endless CBOR":       kinesistest.EndlessReply("\xa1\x67Records\x9f\xa0"),
		"endless CBOR, text": kinesistest.EndlessReply("\xa1\x67Records\x7b\x00\x00\x00\x7f\xff\xff\xff\xff"),
	}
	return any, put
}

// direct lets things go wrong until ctx is done, up to three at once. Everything is refused
// once, for a while: a good record that was refused alone in one such time, and again in
// another, would be rejected as it should.
func (h *hostileNet) direct(ctx context.Context, r *rand.Rand, sustained bool) {
	h.mu.Lock()
	h.healed = make(chan struct{})
	h.mu.Unlock()
	anyOp, onPut := h.networkFaults()
	anyNames, putNames := slices.Sorted(maps.Keys(anyOp)), slices.Sorted(maps.Keys(onPut))
	refuseAt := r.Intn(8)
	for i := 0; ctx.Err() == nil; i++ {
		for range r.Intn(4) {
			rate := []float64{0.1, 0.3, 0.6, 1}[r.Intn(4)]
			switch k := r.Intn(20); {
			case k < 8:
				name := anyNames[r.Intn(len(anyNames))]
				h.inject(name, kinesistest.Fault{Operation: kinesistest.AnyOperation, Rate: rate, Effect: anyOp[name]})
			case k < 14:
				name := putNames[r.Intn(len(putNames))]
				h.inject(name, kinesistest.Fault{Rate: rate, Effect: onPut[name]})
			case k == 14:
				h.inject("endless pages", kinesistest.Fault{Operation: "ListShards", Effect: kinesistest.EndlessPages()})
			case k == 15:
				h.set(&h.creds, "credentials", []string{"fails", "is slow", "hangs"}[r.Intn(3)])
			case k == 16:
				h.set(&h.proxy, "proxy", []string{"407 Login", "403 Denied", "502 Bad Gateway", "302 Found", "511 Portal", "close", "garbage"}[r.Intn(7)])
			case k == 17:
				h.note("413")
				h.limit.Store(int64(24+r.Intn(40)) << 10)
			case k == 18 && sustained && r.Intn(100) == 0:
				h.set(&h.creds, "credentials", "deaf")
			default:
				h.reshard(r)
			}
		}
		if i == refuseAt {
			code := []string{"ValidationException", "InvalidArgumentException", "SerializationException"}[r.Intn(3)]
			if r.Intn(2) == 0 {
				h.inject("refuse calls", kinesistest.Fault{Effect: kinesistest.FailCall(code, 0, "")})
			} else {
				h.inject("refuse entries", kinesistest.Fault{Effect: kinesistest.FailEntries("InvalidArgumentException", 1)})
			}
		}
		sleep(ctx, time.Duration(20+r.Intn(100))*time.Millisecond)
		if h.clear(); r.Intn(3) == 0 {
			sleep(ctx, time.Duration(r.Intn(100))*time.Millisecond)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (h *hostileNet) note(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.named[name]++
}

func (h *hostileNet) set(p *atomic.Pointer[string], what, how string) {
	h.note(what + " " + how)
	p.Store(&how)
}

func (h *hostileNet) inject(name string, f kinesistest.Fault) {
	h.note(name)
	in := h.srv.Inject(f)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active = append(h.active, in)
}

// clear ends the faults that are active.
func (h *hostileNet) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, in := range h.active {
		in.Remove()
	}
	h.active = h.active[:0]
	h.limit.Store(0)
	h.proxy.Store(new(string))
	h.creds.Store(new(string))
}

// heal ends all faults, and what hangs by them.
func (h *hostileNet) heal() {
	h.clear()
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.healed)
}

func (h *hostileNet) counts() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h.named)) {
		fmt.Fprintf(&b, "%s %d, ", name, h.named[name])
	}
	return b.String()
}

// reshard splits a shard, or merges two.
func (h *hostileNet) reshard(r *rand.Rand) {
	all, err := h.srv.Shards("s")
	if err != nil {
		return
	}
	open := slices.DeleteFunc(all, func(s kinesistest.Shard) bool { return !s.Open })
	if len(open) > 1 && (len(open) > 8 || r.Intn(2) == 0) {
		slices.SortFunc(open, func(a, b kinesistest.Shard) int { return a.Range.Start.Compare(b.Range.Start) })
		i := r.Intn(len(open) - 1)
		_, err = h.srv.MergeShards("s", open[i].ID, open[i+1].ID)
	} else {
		_, _, err = h.srv.SplitShard("s", open[r.Intn(len(open))].ID)
	}
	if err == nil {
		h.note("reshard")
	}
}

// PutRecords passes a call on to the client. One that holds a bad record, or is too large for the proxy,
// is refused by the server.
func (h *hostileNet) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, o ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	bytes, bad := int64(0), false
	for _, e := range in.Records {
		bytes += int64(len(e.Data) + len(*e.PartitionKey))
		bad = bad || poisoned(e.Data, h.schemas)
	}
	if limit := h.limit.Load(); limit > 0 && bytes > limit {
		defer h.srv.Inject(kinesistest.Fault{Effect: kinesistest.Reply(413, "text/html", "too large")}).Remove()
	} else if bad {
		defer h.srv.Inject(kinesistest.Fault{Effect: kinesistest.FailCall("InvalidArgumentException", 0, "POISON")}).Remove()
	}
	return h.Client.PutRecords(ctx, in, o...)
}

// Retrieve gives credentials for a moment, unless it fails or hangs.
func (h *hostileNet) Retrieve(ctx context.Context) (aws.Credentials, error) {
	h.mu.Lock()
	healed := h.healed
	h.mu.Unlock()
	switch *h.creds.Load() {
	case "fails":
		return aws.Credentials{}, errors.New("the provider has no credentials now")
	case "is slow":
		time.Sleep(150 * time.Millisecond)
	case "hangs":
		select {
		case <-ctx.Done():
			return aws.Credentials{}, ctx.Err()
		case <-healed:
		}
	case "deaf":
		<-h.over
	}
	return aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey, SessionToken: token,
		CanExpire: true, Expires: time.Now().Add(200 * time.Millisecond)}, nil
}

// serve is the proxy.
func (h *hostileNet) serve() {
	for {
		c, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.conns.Go(func() { h.connect(c) })
	}
}

func (h *hostileNet) connect(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	switch how := *h.proxy.Load(); how {
	case "":
	case "close":
		return
	case "garbage":
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n")
		return
	default:
		_, _ = io.WriteString(c, "HTTP/1.1 "+how+"\r\nLocation: "+h.elsewhere+"\r\nContent-Length: 0\r\n\r\n")
		return
	}
	up, err := net.Dial("tcp", req.Host)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(up, r)
		_ = up.Close()
		close(done)
	}()
	_, _ = io.Copy(c, up)
	_ = c.Close()
	<-done
}

func (h *hostileNet) close() {
	close(h.over)
	h.Client.Close()
	_ = h.listener.Close()
	h.conns.Wait()
}

// decodeStored returns the keys and numbers of the records in user records.
func decodeStored(users []kpl.UserRecord, schemas []*record.Schema) (out []rec, err error) {
	for _, u := range users {
		if number, ok := bytes.CutPrefix(u.Data, []byte("OPQ:")); ok {
			number, _, _ = bytes.Cut(number, []byte(";"))
			v, _ := strconv.ParseInt(string(number), 10, 64)
			out = append(out, rec{u.PartitionKey, v})
			continue
		}
		if err = compress.Decode(u.Data, 0, func(r *record.Record) error {
			for _, x := range r.Readings {
				if x.Name == "v" {
					v, _ := strconv.ParseInt(x.Value.String(), 10, 64)
					out = append(out, rec{u.PartitionKey, v})
				}
			}
			return nil
		}, schemas...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// poisoned reports whether a record of Kinesis holds a bad one.
func poisoned(data []byte, schemas []*record.Schema) (bad bool) {
	users := []kpl.UserRecord{{Data: data}}
	if kpl.Looks(data) {
		users, _ = kpl.Parse(data, kpl.Limits{})
	}
	for _, u := range users {
		if bytes.HasPrefix(u.Data, []byte("OPQ:")) {
			bad = bad || bytes.Contains(u.Data, []byte("POISON"))
			continue
		}
		_ = compress.Decode(u.Data, 0, func(r *record.Record) error {
			for _, x := range r.Readings {
				bad = bad || x.Value.String() == "POISON"
			}
			return nil
		}, schemas...)
	}
	return bad
}
