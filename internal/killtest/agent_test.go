package killtest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// build makes the agent. It has the race detector if the test has: then all that
// it is made of is compiled already, and the weather here is the worst that its
// goroutines will see. GOARCH and the rest come from the environment, so that the
// 32-bit tests kill a 32-bit agent.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "agent")
	args := []string{"build", "-o", program}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./examples/raspberrypi")...)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go build\n%s", out)
	return program
}

// process is one run of the agent.
type process struct {
	cmd    *exec.Cmd
	feeder *feeder
	stderr noted
	exited chan struct{} // it has ended, and its events have been read
	err    error         // of Wait

	mu      sync.Mutex
	lines   []string // whole event lines
	half    string   // and what was behind them
	waiting int      // event lines until hit is closed; 0: not counting
	hit     chan struct{}
}

// startAgent starts the program and feeds it.
func startAgent(t *testing.T, program string, f *feeder, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), feeder: f, exited: make(chan struct{}), hit: make(chan struct{})}
	p.stderr.seen = make(chan struct{})
	p.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+kinesistest.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+kinesistest.SecretAccessKey, "AWS_SESSION_TOKEN=")
	p.cmd.Stderr = &p.stderr
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	events, stdout, err := os.Pipe() // not StdoutPipe, which Wait closes before all is read
	require.NoError(t, err)
	p.cmd.Stdout = stdout
	require.NoError(t, p.cmd.Start())
	require.NoError(t, stdout.Close())
	go f.run(stdin)
	go func() {
		defer close(p.exited)
		p.read(events)
		_ = events.Close()
		p.err = p.cmd.Wait()
	}()
	return p
}

// read takes the events until the agent's end of the pipe is closed.
func (p *process) read(events *os.File) {
	r := bufio.NewReader(events)
	for {
		l, err := r.ReadString('\n')
		p.mu.Lock()
		if err != nil {
			p.half = l
			p.mu.Unlock()
			return
		}
		p.lines = append(p.lines, strings.TrimSuffix(l, "\n"))
		if p.waiting > 0 {
			if p.waiting--; p.waiting == 0 {
				close(p.hit)
			}
		}
		p.mu.Unlock()
	}
}

// after closes hit after n more event lines.
func (p *process) after(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = n
}

// kill ends the process, if it has not ended by itself, and waits until all that
// it wrote has been read.
func (p *process) kill() (killed bool) {
	select {
	case <-p.exited:
	default:
		_ = p.cmd.Process.Kill()
	}
	<-p.exited
	<-p.feeder.done
	return !p.cmd.ProcessState.Exited()
}

// noted keeps what is written and the time of the first of it.
type noted struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	first time.Time
	seen  chan struct{}
}

func (n *noted) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.first.IsZero() {
		n.first = time.Now()
		close(n.seen)
	}
	return n.buf.Write(b)
}

func (n *noted) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}
