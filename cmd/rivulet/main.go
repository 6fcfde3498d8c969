// Rivulet is the tool for what the rivulet library writes: streams, and buffers
// on disk; and for what a stream needs behind it.
//
// Usage:
//
//	rivulet command [flags]
//
// The commands are:
//
//	tail     print the records of a stream as JSON lines
//	spool    look into a buffer on disk, check it, print it, repair it
//	backend  generate what a stream needs behind it: job, tables, infrastructure
//	help     explain a command
//
// "rivulet help tail" explains tail, with examples. Its credentials, and the region
// unless -region is given, come from the places that the AWS CLI looks in.
//
// The exit code is 0 on success, 1 when something failed, 2 for wrong usage.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
