// Package mutants checks the tests of the buffer and the sender: it puts bugs
// into them, one at a time, and expects a test to fail. The bugs are those that
// others have published about buffers on disk and Kinesis producers, and what is
// left when one of our own safeguards is deleted. Start with All and Runner; the
// command is scripts/mutants.sh, the published table docs/mutants.md.
package mutants
