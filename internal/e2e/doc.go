// Package e2e holds no code, only the end-to-end test: the agent of
// examples/raspberrypi and the rivulet command, built and run as programs,
// against the Kinesis emulator kinesis-local. scripts/e2e.sh starts the emulator
// and runs it; without the emulator it is skipped.
package e2e
