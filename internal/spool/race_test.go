//go:build race

package spool

// raceEnabled makes the tests that try everything take samples.
const raceEnabled = true
