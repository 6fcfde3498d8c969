//go:build race

package producer_test

// underRace says that the race detector takes memory of its own.
const underRace = true
