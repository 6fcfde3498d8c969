package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/producer"
)

// say writes a line on stderr, above the live line if there is one.
func (a *agent) say(format string, args ...any) {
	text := "raspberrypi: " + term.Escape(fmt.Sprintf(format, args...))
	if live := a.live.Load(); live != nil {
		live.Print(text)
		return
	}
	a.saying.Lock()
	defer a.saying.Unlock()
	fmt.Fprintln(a.stderr, text)
}

func (a *agent) setPhase(p string) { a.phase.Store(&p) }

// liveLine is what a terminal shows while the agent works.
func (a *agent) liveLine() string {
	s := a.producer.Stats()
	line := fmt.Sprintf("%s records  %s delivered  %s pending", thousands(s.Put), thousands(s.Delivered), thousands(s.Pending))
	if s.Delivered > 0 {
		line += fmt.Sprintf("  %.1f bytes/record", float64(s.SocketBytesUp)/float64(s.Delivered))
	}
	if phase := *a.phase.Load(); phase != "" {
		line += "  " + phase
	}
	if s.State != producer.Closed {
		line += "  " + s.State.String()
	}
	if s.Code != "" {
		line += ": " + s.Code + ". " + s.Advice
	}
	return line
}

// stateLogger returns a logger that says what a person at the device should
// know: that the stream cannot be reached or the disk not written, why, and that
// all is well again.
func stateLogger(say func(string, ...any)) *slog.Logger { return slog.New(stateLog{say}) }

type stateLog struct{ say func(string, ...any) }

func (stateLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (l stateLog) Handle(_ context.Context, r slog.Record) error {
	at, all := map[string]string{}, ""
	r.Attrs(func(a slog.Attr) bool {
		at[a.Key] = a.Value.String()
		all += ", " + a.Key + " " + at[a.Key]
		return true
	})
	switch {
	case at["state"] == producer.Closed.String():
	case at["advice"] != "":
		l.say("stream %s: %s (%s). %s [%s]", at["stream"], at["state"], at["code"], at["advice"], at["error"])
	case at["state"] != "":
		l.say("stream %s: %s", at["stream"], at["state"])
	case at["error"] != "":
		l.say("%s: %s", r.Message, at["error"])
	default:
		l.say("%s%s", r.Message, all)
	}
	return nil
}

func (l stateLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l stateLog) WithGroup(string) slog.Handler      { return l }
