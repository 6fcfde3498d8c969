package main

import "context"

func framesCommand(ctx context.Context, args []string) error { return nil }
func sizeCommand(ctx context.Context, args []string) error   { return nil }
func writeCharts(dir string, all results) error              { return nil }
