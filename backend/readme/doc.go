// Package readme writes the README of the generated backend: command by command how to
// deploy it, look after it and remove it. [Readme] is what package backend renders.
package readme
