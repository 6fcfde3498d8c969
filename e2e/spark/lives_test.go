package spark

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// nowhere is an endpoint at which nobody listens: what is sent there stays in the
// directory.
const nowhere = "http://127.0.0.1:1"

// lives are runs of the agent that put records whose temperatures count up, so that
// each has a content of its own.
type lives struct {
	t           *testing.T
	stream, url string
	dir         string         // with the spool directories
	put         map[string]int // records of each device
	sentTwice   int            // as the agents know
}

// life is a run of the agent, from an opening of a buffer to its end.
type life struct {
	*lives
	cmd      *exec.Cmd
	out, err strings.Builder
}

// start starts a run of the agent that puts n records of a device. Its spool has that
// name; "" is a buffer in memory.
func (l *lives) start(device, spool, endpoint string, n int) *life {
	l.t.Helper()
	args := []string{"-stream", l.stream, "-endpoint", endpoint, "-replay", "-", "-json", "-drain", drain}
	if endpoint == nowhere {
		args[len(args)-1] = "1ms"
	}
	if spool != "" {
		args = append(args, "-spool", l.path(spool))
	}
	r := &life{lives: l, cmd: exec.Command(agent(l.t), args...)}
	var lines strings.Builder
	for range n {
		i := l.put[device]
		l.put[device]++
		fmt.Fprintf(&lines, `{"device_id":%q,"ts":"2026-01-01T00:%02d:%02dZ","readings":{"temp":%d.5}}`+"\n", device, i/60, i%60, i)
	}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = strings.NewReader(lines.String()), &r.out, &r.err
	require.NoError(l.t, r.cmd.Start())
	l.t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	return r
}

func (l *lives) path(spool string) string { return filepath.Join(l.dir, spool) }

// end waits for the end of the run.
func (r *life) end() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Wait(), "%s", &r.err)
	var figures struct {
		DuplicatesSent int `json:"duplicates_sent"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(r.out.String()), &figures), "%s", &r.out)
	r.sentTwice += figures.DuplicatesSent
}

func (l *lives) live(device, spool string, n int) {
	l.t.Helper()
	l.start(device, spool, l.url, n).end()
}

// twoLives gives every device a life, whose records the job stores, and then another
// one for which whatever happens to a directory has happened.
func twoLives(t *testing.T, l *lives, between func()) (again int) {
	t.Helper()
	const copied = 5
	l.live("wiped", "wiped", 5)
	l.start("restored", "restored", nowhere, copied).end()
	copyFiles(t, l.path("restored"), l.path("older"))
	l.live("restored", "restored", 3)
	twins := []*life{l.start("twins", "left", l.url, 7), l.start("twins", "right", l.url, 7)}
	for _, r := range twins {
		r.end()
	}
	l.live("relayed", "gateway-1", 4)
	l.live("relayed", "gateway-2", 4)
	l.live("memory", "", 3)
	between()

	require.NoError(t, os.RemoveAll(l.path("wiped")))
	l.live("wiped", "wiped", 5)
	require.NoError(t, os.RemoveAll(l.path("restored")))
	copyFiles(t, l.path("older"), l.path("restored"))
	l.live("restored", "restored", 3)
	l.live("restored", "older", 2) // the copy, in a second device
	twins = []*life{l.start("twins", "left", l.url, 7), l.start("twins", "right", l.url, 7)}
	for _, r := range twins {
		r.end()
	}
	l.live("relayed", "gateway-1", 4)
	l.live("memory", "", 3)
	return 2 * copied // what both copies had of the first life
}

// A device's directory is wiped, restored from an older copy, copied to another
// device, or there are two of it: whatever becomes of it, the job stores each record
// that was put, and once, and drops nothing else.
func TestLedgerKeepsAllLives(t *testing.T) {
	url, python := endpoint(t), python41(t)
	script := render(t, t.TempDir(), 1)
	s := newStream(t, "lives")
	l := &lives{t: t, stream: s.name, url: url, dir: t.TempDir(), put: map[string]int{}}
	lake, uri := newLake(t)
	args := func(uri string) []string {
		return []string{"--lake", uri, "--stream", s.name, "--endpoint-url", url, "--trigger", "available-now"}
	}
	var batches []batch
	again := twoLives(t, l, func() { batches = start(t, python, script, nil, args(uri)...).wait() })

	// Of a second lake, all is one batch: the ledger has nothing to say, and the same is stored.
	atOnce, other := newLake(t)
	batches = append(batches, start(t, python, script, nil, append(append(args(uri), "--"), args(other)...)...).wait()...)
	require.Len(t, batches, 3)
	requireLives(t, l, lake)
	requireLives(t, l, atOnce)
	for _, dropped := range []int{batches[0].Duplicates + batches[1].Duplicates, batches[2].Duplicates} {
		require.GreaterOrEqual(t, dropped, again)
		require.LessOrEqual(t, dropped, again+l.sentTwice, "something was dropped that was sent once")
	}
}

// requireLives requires every record that was put, once, with an id of its own.
func requireLives(t *testing.T, l *lives, lake string) {
	t.Helper()
	rows, letters := readLake(t, lake)
	require.Empty(t, letters)
	found := map[string]map[float64]int{}
	ids, boots := map[string]bool{}, map[string]map[string]bool{}
	for _, r := range rows {
		if found[r.Device] == nil {
			found[r.Device], boots[r.Device] = map[float64]int{}, map[string]bool{}
		}
		found[r.Device][float(t, r.Readings["temp"])]++
		require.NotNil(t, r.Boot)
		require.Regexp(t, regexp.MustCompile("^[0-9a-f]{16}$"), *r.Boot)
		boots[r.Device][*r.Boot] = true
		id := fmt.Sprint(r.Device, "/", *r.Boot, "/", *r.Seq)
		require.False(t, ids[id], "%s is stored twice", id)
		ids[id] = true
	}
	for device, n := range l.put {
		for i := range n {
			temp := fahrenheit(float64(i) + 0.5)
			require.Equal(t, 1, found[device][temp], "%s, record %d of %d", device, i+1, n)
			delete(found[device], temp)
		}
		require.Empty(t, found[device], device)
	}
	for device, n := range map[string]int{"wiped": 2, "restored": 4, "twins": 4, "relayed": 3, "memory": 2} {
		require.Len(t, boots[device], n, "%s: each opening has a boot of its own", device)
	}
}
