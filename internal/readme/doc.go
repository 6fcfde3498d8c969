// Package readme holds the tests that keep the documents true: every command in
// a sh block of README.md, DESIGN.md, CONTRIBUTING.md and docs/ is run, and the Go
// code of README.md is lines of a program that compiles.
package readme
