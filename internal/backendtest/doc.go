// Package backendtest has a sample of options and schemas for the tests of the
// renderers: start with [Model].
package backendtest
