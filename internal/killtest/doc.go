// Package killtest holds no code, only a test: the agent of examples/raspberrypi,
// as a program of its own, is killed with SIGKILL again and again while it works,
// and started again on the same spool. Beside it stands an oracle that knows only
// what a person would: what was fed to the agent, what its -events said before it
// died, and what the streams hold.
//
//	go test ./internal/killtest               25 kills
//	TORTURE=1 go test ./internal/killtest     500
//	KILL_SEED=7 go test -v ./internal/killtest   the choices of an earlier run
package killtest
