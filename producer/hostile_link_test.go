package producer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

// hostileMemory is what a producer may have resident at its peak, whatever the network
// answers: some 20 MiB are the program, with its tests, when nothing is wrong.
const hostileMemory = 48 << 20

// token is a secret that must not get anywhere.
const token = "IQoJb3JpZ2luX2VjEXAMPLEsessionTOKENofADevice"

// hostileChild is what the process that sends is told, and hostileReport what it says.
type hostileChild struct {
	URL, Roots, Client string
	Seconds            float64
}

type hostileReport struct {
	Peak                 int64
	Code, Advice, State  string
	Message              string
	Requests, Duplicates uint64
	Delivered            uint64
}

// hostile is a server: what it answers, and what a producer is to make of it.
type hostile struct {
	faults    []kinesistest.Fault
	code      string
	state     string
	duplicate bool // it may have been stored
}

func hostiles(elsewhere string) map[string]hostile {
	nested := "\xa1\x61x" + strings.Repeat("\x81", 20<<20)
	onAll := func(e kinesistest.Effect) []kinesistest.Fault {
		return []kinesistest.Fault{{Operation: kinesistest.AnyOperation, Effect: e}}
	}
	onPut := func(e kinesistest.Effect) []kinesistest.Fault { return []kinesistest.Fault{{Effect: e}} }
	return map[string]hostile{
		"an endless text":             {onPut(kinesistest.EndlessReply("\xa1\x67Records\x7b\x00\x00\x00\x7f\xff\xff\xff\xff")), failure.CodeHugeResponse, "backoff", true},
		"endless results":             {onPut(kinesistest.EndlessReply("\xa1\x67Records\x9f\xa0")), failure.CodeHugeResponse, "backoff", true},
		"endless text to all":         {onAll(kinesistest.EndlessReply(`{"a":"b`)), failure.CodeHugeResponse, "backoff", true},
		"endless nesting":             {onAll(kinesistest.EndlessReply("\xa1\x61x\x81")), failure.CodeHugeResponse, "backoff", true},
		"20 MB of nested CBOR":        {onAll(kinesistest.Reply(200, "application/x-amz-cbor-1.1", nested)), failure.CodeHugeResponse, "backoff", true},
		"an error with nested CBOR":   {onAll(kinesistest.Reply(400, "application/x-amz-cbor-1.1", nested)), failure.CodeHTTP4xx, "backoff", false},
		"endless pages":               {[]kinesistest.Fault{{Operation: "ListShards", Effect: kinesistest.EndlessPages()}}, "", "online", false},
		"a slow drip":                 {onPut(kinesistest.DripReply(50 * time.Millisecond)), failure.CodeTimeout, "backoff", true},
		"a redirect to a second host": {onAll(kinesistest.Redirect(302, elsewhere)), failure.CodeRedirected, "paused", false},
		"a redirect that keeps all":   {onAll(kinesistest.Redirect(307, elsewhere)), failure.CodeRedirected, "paused", false},
		"a portal's large page":       {onAll(kinesistest.Reply(200, "text/html", strings.Repeat("<p>", 8<<20))), failure.CodePortal, "paused", false},
		"an error that says it all": {onAll(kinesistest.FailCall("AccessDeniedException", 400, "\x1b[2J\u202e "+token+" "+kinesistest.AccessKeyID)),
			"AccessDeniedException", "paused", false},
	}
}

// TestHostileLink: a producer in a process of its own sends for seconds to a server
// that answers with bodies, pages and nesting without end, drips, or points elsewhere.
// Its memory stays small, it says what is wrong, and nothing secret arrives elsewhere.
func TestHostileLink(t *testing.T) {
	if spec := os.Getenv("HOSTILE_CHILD"); spec != "" {
		beHostileChild(t, spec)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("the peak of resident memory is in /proc only")
	}
	var elsewhere atomic.Int32
	second := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(func() {
		second.Close()
		require.Zero(t, elsewhere.Load(), "requests to a second host")
	})
	for name, c := range hostiles(second.URL + "/login") {
		for _, client := range []string{"wire", "sdk"} {
			t.Run(name+", "+client, func(t *testing.T) {
				t.Parallel()
				srv, err := kinesistest.Start(kinesistest.Config{})
				require.NoError(t, err)
				defer srv.Close()
				require.NoError(t, srv.CreateStream("s", 2, kinesistest.StreamOptions{}))
				spec := hostileChild{URL: srv.URL(), Roots: rootsOf(t, srv), Client: client, Seconds: 1.5}
				for _, f := range c.faults {
					srv.Inject(f)
				}
				report := runHostileChild(t, spec)
				require.Equal(t, []string{c.code, c.state}, []string{report.Code, report.State}, "%+v", report)
				if c.code != "" {
					require.Equal(t, failure.Lookup(c.code).Advice, report.Advice)
				}
				if !c.duplicate {
					require.Zero(t, report.Duplicates, "%+v", report)
				}
				require.NotContains(t, report.Message, token[:16])
				require.NotContains(t, report.Message, kinesistest.AccessKeyID)
				if !underRace {
					require.Less(t, report.Peak, int64(hostileMemory), "%d MiB", report.Peak>>20)
				}
				t.Logf("peak %.1f MiB, %d requests", float64(report.Peak)/(1<<20), report.Requests)
			})
		}
	}
}

// runHostileChild runs this test again, as the process that sends.
func runHostileChild(t *testing.T, child hostileChild) (report hostileReport) {
	spec, err := json.Marshal(child)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostileLink$")
	cmd.Env = append(os.Environ(), "HOSTILE_CHILD="+string(spec))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, line, ok := bytes.Cut(out, []byte("REPORT "))
	require.True(t, ok, "%s", out)
	line, _, _ = bytes.Cut(line, []byte("\n"))
	require.NoError(t, json.Unmarshal(line, &report), "%s", out)
	return report
}

// rootsOf returns a file with a server's certificate.
func rootsOf(t *testing.T, srv *kinesistest.Server) string {
	file := filepath.Join(t.TempDir(), "roots.pem")
	resp, err := srv.HTTPClient().Get(srv.URL())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	block := &pem.Block{Type: "CERTIFICATE", Bytes: resp.TLS.PeerCertificates[0].Raw}
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	return file
}

// beHostileChild sends for some seconds and reports.
func beHostileChild(t *testing.T, text string) {
	var spec hostileChild
	require.NoError(t, json.Unmarshal([]byte(text), &spec))
	roots, err := wire.RootCAs(spec.Roots)
	require.NoError(t, err)
	creds := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey, SessionToken: token}, nil
	})
	var api producer.API
	if spec.Client == "wire" {
		c, err := wire.NewClient(wire.Config{Endpoint: spec.URL, RootCAs: roots, Credentials: creds})
		require.NoError(t, err)
		defer c.Close()
		api = c
	} else {
		tr := http.DefaultTransport.(*http.Transport).Clone()
		tr.TLSClientConfig.RootCAs = roots
		defer tr.CloseIdleConnections()
		api = kinesis.New(kinesis.Options{BaseEndpoint: &spec.URL, Region: "us-east-1", Credentials: creds, HTTPClient: &http.Client{Transport: tr}}, wire.WithCBOR)
	}
	p := newProducer(t, api, producer.Config{FlushInterval: 100 * time.Millisecond, RequestTimeout: time.Second, MaxMemory: 1 << 20})
	deadline := time.Now().Add(time.Duration(spec.Seconds * float64(time.Second)))
	for n := 0; time.Now().Before(deadline); n++ {
		put(t, p, 1)
		if n%20 == 0 { // it tries at once, whatever it was waiting for
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			_ = p.Flush(ctx)
			cancel()
		}
		time.Sleep(5 * time.Millisecond)
	}
	st := p.Stats()
	state := st.State.String()
	_ = p.Close(cancelled())
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	var peak int64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &peak); err == nil {
			break
		}
	}
	out, err := json.Marshal(hostileReport{Peak: peak << 10, Code: st.Code, Advice: st.Advice, State: state, Message: st.Message,
		Requests: st.Requests, Duplicates: st.DuplicatesSent, Delivered: st.Delivered})
	require.NoError(t, err)
	fmt.Printf("REPORT %s\n", out)
	os.Exit(0) // connections of calls under way may still be open
}
