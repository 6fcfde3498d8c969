package killtest

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	stream = "t"
	// patience is how long a run may take to come to the moment it is to be killed
	// at. It is killed then all the same: a stream in bad weather makes the agent
	// wait for seconds.
	patience      = 2 * time.Second
	floodPatience = 20 * time.Second
)

// What is the moment to kill at:
const (
	flooded  = "flooded"  // much was taken, and no stream is to be had
	recovery = "recovery" // it has just started
	events   = "events"   // so many events were told
	drain    = "drain"    // stdin has ended, and what is left is being sent
	lines    = "lines"    // so many lines were taken
)

var (
	// Their numbers have no common divisor, so each is met at each.
	moments  = []string{flooded, recovery, events, drain, lines}
	modes    = []string{"group", "always", "spill", "never"}
	codecs   = []string{"columnar", "columnar", "columnar", "zstd", "none"}
	weathers = []string{"fair", "dead", "flaky", "throttled", "flapping", "slow"}
)

func TestKill9(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	kills := 25
	if os.Getenv("TORTURE") != "" {
		kills = 500
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("KILL_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("KILL_SEED=%d", seed)
	l := &loop{T: t, rand: rand.New(rand.NewPCG(seed, 0)), program: build(t), dir: t.TempDir(), oracle: newOracle(), startup: 50 * time.Millisecond, tally: map[string]int{}}
	began := time.Now()
	for i := 0; l.tally["killed"] < kills; i++ {
		l.killOne(i)
		require.Less(t, i, 2*kills+10, "too many runs end before they are killed: %v", l.tally)
	}
	l.last()
	require.NoError(t, l.oracle.end())
	byMode := map[string]int{}
	for run, n := range l.oracle.late {
		byMode[l.oracle.runs[run].mode] += n
	}
	t.Logf("%d kills in %.1f s: %v; %d records in the streams, %d of them duplicates; brought by a later run, by sync mode: %v",
		l.tally["killed"], time.Since(began).Seconds(), l.tally, l.oracle.records, l.oracle.duplicates, byMode)
	for _, m := range modes {
		require.Positive(t, byMode[m], "no record of a killed run with -sync %s came later: the test proves nothing of it", m)
	}
	require.Positive(t, l.oracle.duplicates, "no record was sent twice: no lost answer or kill has hit a call")
}

type loop struct {
	*testing.T
	rand    *rand.Rand
	program string
	dir     string
	next    uint64 // number of the next record
	oracle  *oracle
	startup time.Duration // how long the agent took to its first word
	tally   map[string]int
}

// plan is what is chosen for a run.
type plan struct {
	moment, mode, weather string
	f                     *feeder
	lines, events         int
	rate                  string
	delay                 time.Duration
}

func (l *loop) plan(i int) plan {
	p := plan{moment: moments[i%len(moments)], mode: modes[i%len(modes)]}
	f := &feeder{first: l.next, next: l.next, pad: 20 + l.rand.IntN(300), reached: make(chan struct{}), closed: make(chan struct{}), done: make(chan struct{})}
	p.f = f
	p.weather = weathers[l.rand.IntN(len(weathers))]
	p.lines = 1 + l.rand.IntN(3000)
	p.rate = "max"
	switch p.moment {
	case flooded:
		f.pad, p.weather = floodPad, "dead"
		p.lines = unwritten(p.mode) + 100 + l.rand.IntN(300)
	case recovery:
		p.delay = time.Duration(l.rand.Float64() * 1.5 * float64(l.startup))
	case events, drain:
		for p.weather == "dead" {
			p.weather = weathers[l.rand.IntN(len(weathers))]
		}
		if p.moment == drain {
			f.stopAt = 1 + p.lines/2
		}
		p.events = 1 + l.rand.IntN(30)
		p.rate = []string{"500", "3000"}[l.rand.IntN(2)]
	case lines:
		if p.mode == "always" {
			p.lines = 150 + p.lines/10
		}
	}
	f.target = p.lines
	return p
}

// killOne starts the agent, kills it, and tells the oracle.
func (l *loop) killOne(i int) {
	l.Helper()
	p := l.plan(i)
	srv, endpoint := l.server(p.weather)
	proc := startAgent(l.T, l.program, p.f, l.args(p, endpoint)...)
	began := time.Now()
	at := time.NewTimer(map[bool]time.Duration{false: patience, true: floodPatience}[p.moment == flooded])
	defer at.Stop()
	var moment <-chan struct{}
	switch p.moment {
	case recovery:
		at.Reset(p.delay)
	case events:
		proc.after(p.events)
		moment = proc.hit
	case drain:
		select {
		case <-p.f.closed:
			proc.after(p.events)
			moment = proc.hit
		case <-at.C:
			at.Reset(0)
		}
	default:
		moment = p.f.reached
	}
	timely := false
	select {
	case <-moment:
		timely = true
	case <-proc.exited:
	case <-at.C:
		timely = p.moment == recovery
	}
	killed := proc.kill()
	least := 0
	switch {
	case !killed:
		require.Equal(l, drain, p.moment, "run %d ended by itself: %v\n%s", i, proc.err, &proc.stderr)
		require.NoError(l, proc.err, "run %d: %s", i, &proc.stderr)
		l.tally["ended"]++
	case timely:
		l.tally["killed"]++
		l.tally[p.moment]++
	default:
		l.tally["killed"]++
		l.tally["impatient, "+p.moment]++
	}
	if killed && timely && p.moment == flooded {
		least = p.f.whole - unwritten(p.mode)
	}
	select {
	case <-proc.stderr.seen:
		l.startup = min(max(proc.stderr.first.Sub(began), 10*time.Millisecond), time.Second)
	default:
	}
	l.tell(i, p, proc, srv, least)
	l.Logf("run %d: -sync %s, %s, killed: %s; took %d lines, told %d events", i, p.mode, p.weather, p.moment, p.f.whole, len(proc.lines))
}

// floodPad is the least that a record of a flood has.
const floodPad = 4000

// unwritten is how many records of a flood an agent may have taken and not yet
// written: those in the pipe, in its input buffer, each of 64 KiB, in its queue of
// lines, and, unless each is written before the next is taken, the 4 MiB that the
// buffer keeps in memory.
func unwritten(mode string) int {
	n := 128<<10/floodPad + 66
	if mode != "always" {
		n += 4 << 20 / floodPad
	}
	return n
}

// tell gives the oracle what there is to know of a run that has ended.
func (l *loop) tell(i int, p plan, proc *process, srv *kinesistest.Server, least int) {
	l.Helper()
	// Once it is closed the server has done all that it was asked for: nothing that
	// the dead agent sent can come behind what the next one sends.
	srv.Close()
	l.next = p.f.next
	l.oracle.runs = append(l.oracle.runs, fed{first: p.f.first, next: p.f.next, pad: p.f.pad, mode: p.mode, least: least})
	stored, err := srv.Records(stream)
	require.NoError(l, err)
	about := func() string {
		return "run " + strconv.Itoa(i) + ", -sync " + p.mode + ", " + p.weather + ", killed: " + p.moment + "\n" + proc.stderr.String()
	}
	for _, k := range stored {
		if err := l.oracle.sent(k.Data, k.PartitionKey); err != nil {
			require.NoError(l, err, about())
		}
	}
	if err := l.oracle.said(proc.lines); err != nil {
		require.NoError(l, err, about())
	}
	for _, word := range []string{"DATA RACE", "panic:", "damaged", "cannot be used", "unreadable"} {
		if strings.Contains(proc.stderr.String(), word) {
			require.Fail(l, "the agent is in trouble", about())
		}
	}
}

func (l *loop) args(p plan, endpoint string) []string {
	return []string{"-replay", "-", "-events", "-spool", l.dir, "-spool-max", "32MiB", "-sync", p.mode, "-rate", p.rate, "-stream", stream, "-region", "us-east-1",
		"-endpoint", endpoint, "-insecure", "-flush", strconv.Itoa(1+l.rand.IntN(30)) + "ms", "-drain", "2m",
		"-codec", codecs[l.rand.IntN(len(codecs))], "-key", []string{"device", "fixed:all"}[l.rand.IntN(2)]}
}

// server starts a server with a stream of its own, as the weather is. A dead one
// is not where the endpoint says.
func (l *loop) server(weather string) (srv *kinesistest.Server, endpoint string) {
	l.Helper()
	srv, err := kinesistest.Start(kinesistest.Config{Unlimited: true, Seed: l.rand.Uint64()})
	require.NoError(l, err)
	require.NoError(l, srv.CreateStream(stream, 2, kinesistest.StreamOptions{}))
	inject := func(f kinesistest.Fault) { srv.Inject(f) }
	switch weather {
	case "dead":
		nobody, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(l, err)
		require.NoError(l, nobody.Close())
		return srv, "https://" + nobody.Addr().String()
	case "flaky":
		inject(kinesistest.Fault{Rate: 0.3, Effect: kinesistest.LoseReply()})
		inject(kinesistest.Fault{Rate: 0.1, Effect: kinesistest.EmptyReply(true)})
		inject(kinesistest.Fault{Rate: 0.1, Effect: kinesistest.Reset()})
	case "throttled":
		inject(kinesistest.Fault{Effect: kinesistest.FailEntries("ProvisionedThroughputExceededException", 0.5)})
		inject(kinesistest.Fault{Rate: 0.2, Effect: kinesistest.FailEntries("InternalFailure", 0.2)})
	case "flapping": // the link goes in the middle of the work, and comes back
		inject(kinesistest.Fault{Operation: kinesistest.AnyOperation, After: 1 + l.rand.IntN(10), Times: 1 + l.rand.IntN(3), Effect: kinesistest.Reset()})
	case "slow":
		inject(kinesistest.Fault{Effect: kinesistest.Delay(time.Duration(l.rand.IntN(60)) * time.Millisecond)})
	}
	return srv, srv.URL()
}

// last runs the agent once more, without anything new, and lets it end.
func (l *loop) last() {
	l.Helper()
	p := plan{moment: "never", mode: "group", rate: "max", weather: "fair", f: &feeder{first: l.next, next: l.next, stopAt: -1, closed: make(chan struct{}), done: make(chan struct{})}}
	srv, endpoint := l.server(p.weather)
	proc := startAgent(l.T, l.program, p.f, append(l.args(p, endpoint), "-json")...)
	<-proc.exited
	<-p.f.done
	require.NoError(l, proc.err, &proc.stderr)
	n := len(proc.lines) - 1
	var figures map[string]any
	require.NoError(l, json.Unmarshal([]byte(proc.lines[n]), &figures), proc.lines[n])
	proc.lines = proc.lines[:n:n]
	l.tell(-1, p, proc, srv, 0)
	for name, want := range map[string]any{"put": 0.0, "pending": 0.0, "evicted": 0.0, "expired": 0.0, "rejected": 0.0, "corrupt": 0.0, "degraded": false,
		"delivered": figures["recovered"]} {
		require.Equal(l, want, figures[name], "%s: %v", name, figures)
	}
}
