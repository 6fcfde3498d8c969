package spark

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// drain is how long the end of an agent may wait for delivery: as long as there is a
// chance. On a busy machine it takes minutes where it takes a second on one that is not.
const drain = "30m"

// sender is an agent that sends the records of one device as it is given them.
type sender struct {
	t           *testing.T
	cmd         *exec.Cmd
	stdin       io.WriteCloser
	out, errors bytes.Buffer
	device      string
	left        []observation
}

func startSender(t *testing.T, url, stream, codec string, records []observation) *sender {
	t.Helper()
	s := &sender{t: t, device: records[0].Device, left: records}
	s.cmd = exec.Command(agent(t), "-stream", stream, "-endpoint", url, "-replay", "-", "-codec", codec, "-flush", "500ms", "-drain", drain, "-json")
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.errors
	var err error
	s.stdin, err = s.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// feed gives the agent some of the records that are left.
func (s *sender) feed(n int) {
	n = min(n, len(s.left))
	for _, o := range s.left[:n] {
		_, err := io.WriteString(s.stdin, o.line+"\n")
		require.NoError(s.t, err, "%s", &s.errors)
	}
	s.left = s.left[n:]
}

// end gives it the rest, and waits until all is delivered.
func (s *sender) end() {
	s.t.Helper()
	s.feed(len(s.left))
	require.NoError(s.t, s.stdin.Close())
	require.NoError(s.t, s.cmd.Wait(), "%s", &s.errors)
	var figures struct {
		Put, Delivered int
		DuplicatesSent int `json:"duplicates_sent"`
	}
	require.NoError(s.t, json.Unmarshal(s.out.Bytes(), &figures), "%s", &s.out)
	require.Equal(s.t, figures.Put, figures.Delivered)
	require.Positive(s.t, figures.DuplicatesSent, "no response was lost")
}
