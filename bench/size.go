package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// sizeTargets are devices, as GOOS/GOARCH/GOARM.
var sizeTargets = []string{"linux/arm/6", "linux/arm64"}

// programSizes are in bytes, stripped.
type programSizes struct {
	SDKOnly    int64 `json:"sdk_only_bytes"`
	Rivulet    int64 `json:"rivulet_bytes"`
	Difference int64 `json:"difference_bytes"`
}

func sizeCommand(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("bench size", flag.ContinueOnError)
	asJSON := f.Bool("json", false, "print one JSON object {target: {sdk_only_bytes, rivulet_bytes, difference_bytes}}")
	if err := f.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rivulet-size-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all := map[string]programSizes{}
	for _, target := range sizeTargets {
		var s programSizes
		if s.SDKOnly, err = programSize(ctx, dir, target, "./size/sdkonly"); err != nil {
			return err
		}
		if s.Rivulet, err = programSize(ctx, dir, target, "./size/rivulet"); err != nil {
			return err
		}
		s.Difference = s.Rivulet - s.SDKOnly
		all[target] = s
	}
	if *asJSON {
		return printJSON(all)
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "bytes, stripped\tSDK only\tRivulet\tdifference\t")
	for _, target := range sizeTargets {
		s := all[target]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", target, grouped(float64(s.SDKOnly)), grouped(float64(s.Rivulet)), grouped(float64(s.Difference)))
	}
	return t.Flush()
}

func programSize(ctx context.Context, dir, target, pkg string) (int64, error) {
	goos, rest, _ := strings.Cut(target, "/")
	goarch, goarm, _ := strings.Cut(rest, "/")
	file := filepath.Join(dir, "program")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOARM="+goarm)
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build %s for %s: %w\n%s", pkg, target, err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
