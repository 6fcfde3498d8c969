// Package model is what all of the generated backend derives from: the options
// that a person writes, checked and with their defaults, the versions of the
// schema, the columns of the table they make, and the names of everything.
//
// Start with [Parse], which reads an options file, and [New], which makes the
// [Model] that the renderers in package backend take.
package model
