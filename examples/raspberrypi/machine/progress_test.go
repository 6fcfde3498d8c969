package machine

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// screen keeps what was written, and what a person would then see.
type screen struct {
	mu  sync.Mutex
	log strings.Builder
	n   int
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.log.Write(p)
}

func (s *screen) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, line := range strings.Split(s.log.String(), "\n") {
		last := ""
		for _, part := range strings.Split(line, "\r") {
			if part = strings.TrimSuffix(part, "\x1b[K"); part != "" || strings.Contains(line, "\x1b[K") {
				last = strings.TrimPrefix(part, "\x1b[K")
			}
		}
		out = append(out, last)
	}
	return out
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		start := time.Now()
		calls := 0
		p := startProgress(&s, func() int { return 20 }, func() string {
			calls++
			return fmt.Sprintf("%.1f s and a very long tail", time.Since(start).Seconds())
		})
		time.Sleep(10*time.Second + time.Millisecond) // fake time
		synctest.Wait()
		require.Equal(t, 51, calls, "five times a second")
		require.Equal(t, []string{"10.0 s and a very l"}, s.lines())

		p.Print("a sensor fails\n")
		require.Equal(t, []string{"a sensor fails", "10.0 s and a very l"}, s.lines())

		time.Sleep(99 * time.Millisecond)
		p.Stop()
		require.Equal(t, []string{"a sensor fails", "10.1 s and a very l", ""}, s.lines())
		written := s.n
		p.Stop()
		time.Sleep(time.Minute)
		require.Equal(t, written, s.n, "written after Stop")
		p.Print("after")
		require.Equal(t, []string{"a sensor fails", "10.1 s and a very l", "after", ""}, s.lines())
	})
}

func TestProgressWritesOnlyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		p := startProgress(&s, func() int { return 80 }, func() string { return "same" })
		time.Sleep(time.Hour)
		var stops sync.WaitGroup
		for range 3 {
			stops.Go(p.Stop)
		}
		stops.Wait()
		require.Equal(t, "\rsame\x1b[K\n", s.log.String())
	})
}

// When Stop returns, no call of line is under way.
func TestProgressStopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		var running atomic.Int32
		p := startProgress(&s, func() int { return 80 }, func() string {
			if running.Add(1) > 1 {
				t.Error("two calls at a time")
			}
			defer running.Add(-1)
			time.Sleep(time.Second)
			return time.Now().String()
		})
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, int32(1), running.Load())
		p.Stop()
		require.Zero(t, running.Load())
		require.Equal(t, 3, s.n, "the line, the last line, its end")
	})
}

func TestProgressOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		p := startProgress(&s, func() int { return 80 }, func() string { return "" })
		time.Sleep(time.Second)
		p.Stop()
		require.Empty(t, s.log.String(), "an empty line ends no line")
	})
}

func TestProgressWithoutTerminal(t *testing.T) {
	never := func() string { t.Error("called without a terminal"); return "" }
	r, w, err := os.Pipe()
	require.NoError(t, err)
	p := StartProgress(w, never)
	p.Print("kept")
	p.Stop()
	p.Stop()
	w.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "kept\n", string(b))
	r.Close()

	for _, p := range []*Progress{StartProgress(nil, never), {}, nil} {
		p.Print("nowhere")
		p.Stop()
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		in      string
		columns int
		want    string
	}{
		{"hello", 5, "hello"},
		{"hello", 4, "hell"},
		{"hello", 0, ""},
		{"hello", -1, ""},
		{"21.5 °C ✓", 9, "21.5 °C ✓"},
		{"温度 21", 4, "温度"},
		{"温度 21", 3, "温"},
		{"a\nb\r\tc\x07", 9, "abc"},
		{"\x1b[32mgreen\x1b[0m tail", 3, "\x1b[32mgre\x1b[0m"},
		{"\x1b[32mgreen\x1b[0m", 5, "\x1b[32mgreen\x1b[0m"},
		{"\x1b[2Jwipe", 20, "[2Jwipe"},
		{"\x1b[1;31", 20, "[1;31"},
		{"bad\xff\xfeutf8", 20, "bad\uFFFD\uFFFDutf8"},
	} {
		require.Equal(t, tt.want, fit(tt.in, tt.columns), "%q", tt.in)
	}
}
