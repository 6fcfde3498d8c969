package mutants

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Runner runs mutants on a copy of the module, so that neither the mutants nor
// who edits the module meanwhile can disturb the other.
type Runner struct {
	Root     string    // of the module
	Parallel int       // at the same time; 0 means 1
	Log      io.Writer // hears of each result
}

// timeout is for one test, built and run. A mutant that makes its test wait for
// ever is not caught.
const timeout = 5 * time.Minute

// Run first runs the tests named in mutants without any, which must pass. Then it
// runs each mutant with its test, which must fail. The error joins all that went
// otherwise.
func (r *Runner) Run(ctx context.Context, mutants []Mutant) error {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tree := filepath.Join(dir, "tree")
	if err := copyModule(ctx, r.Root, tree); err != nil {
		return fmt.Errorf("mutants: copy the module: %w", err)
	}
	var sound []Mutant
	var errs []error
	for _, m := range mutants {
		if _, err := m.Apply(tree); err != nil {
			errs = append(errs, err)
		} else {
			sound = append(sound, m)
		}
	}
	errs = append(errs, r.each(tests(sound), func(m *Mutant) error { return unchanged(ctx, tree, m) }))
	errs = append(errs, r.each(sound, func(m *Mutant) error {
		began := time.Now()
		if err := caught(ctx, tree, dir, m); err != nil {
			fmt.Fprintf(r.Log, "FAIL    %v\n", err)
			return err
		}
		fmt.Fprintf(r.Log, "caught  %-70s %s, %.0f s\n", m.Name, m.Test, time.Since(began).Seconds())
		return nil
	}))
	return errors.Join(errs...)
}

// tests returns a mutant for each different test.
func tests(mutants []Mutant) (out []Mutant) {
	seen := map[string]bool{}
	for _, m := range mutants {
		if key := m.pkg() + " " + m.Test; !seen[key] {
			seen[key] = true
			out = append(out, m)
		}
	}
	return out
}

// each calls f for all, a few at the same time.
func (r *Runner) each(mutants []Mutant, f func(m *Mutant) error) error {
	errs := make([]error, len(mutants))
	work := make(chan int)
	var wg sync.WaitGroup
	for range max(1, r.Parallel) {
		wg.Go(func() {
			for i := range work {
				errs[i] = f(&mutants[i])
			}
		})
	}
	for i := range mutants {
		work <- i
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

// copyModule copies the files that git knows of, and those that it would take,
// as they are now.
func copyModule(ctx context.Context, root, to string) error {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	list, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) { // deleted, and git has not heard of it
			continue
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(target, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// unchanged checks that the test of a mutant passes without it.
func unchanged(ctx context.Context, tree string, m *Mutant) error {
	res, err := goTest(ctx, tree, m, "")
	switch {
	case err != nil:
		return err
	case len(res.passed)+len(res.failed) == 0:
		return fmt.Errorf("mutants: %s has no test %s, or it does not build:\n%s", m.pkg(), m.Test, res.output)
	case !slices.Contains(res.passed, m.Test): // one above it may count what all of it did, and fail
		return fmt.Errorf("mutants: %s: %s fails without a mutant:\n%s", m.pkg(), m.Test, res.output)
	}
	return nil
}

// caught checks that the test of a mutant fails with it.
func caught(ctx context.Context, tree, tmp string, m *Mutant) error {
	files, err := m.Apply(tree)
	if err != nil {
		return err
	}
	overlay, err := writeOverlay(tree, tmp, files)
	if err != nil {
		return err
	}
	res, err := goTest(ctx, tree, m, overlay)
	switch {
	case err != nil:
		return err
	case res.broken:
		return fmt.Errorf("mutant %q does not build:\n%s", m.Name, res.output)
	case res.late:
		return fmt.Errorf("mutant %q: %s does not end:\n%s", m.Name, m.Test, res.output)
	case slices.Contains(res.passed, m.Test):
		return fmt.Errorf("mutant %q survives %s", m.Name, m.Test)
	case !slices.Contains(res.failed, m.Test):
		return fmt.Errorf("mutant %q: it was not %s that failed, but %q:\n%s", m.Name, m.Test, res.failed, res.output)
	}
	return nil
}

// writeOverlay writes the changed files where they are in nobody's way, and what
// tells the go command to take them.
func writeOverlay(tree, tmp string, files map[string]string) (name string, err error) {
	dir, err := os.MkdirTemp(tmp, "mutant")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range files {
		to := filepath.Join(dir, fmt.Sprint(len(replace), ".go"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(tree, filepath.FromSlash(file))] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name = filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, b, 0o600)
}

// result is what go test said.
type result struct {
	broken bool     // it did not build
	late   bool     // it did not end in time
	passed []string // tests, and parts of tests
	failed []string
	output string // the end of it
}

// goTest runs the test of m.
func goTest(ctx context.Context, tree string, m *Mutant, overlay string) (result, error) {
	args := []string{"test", "-json", "-vet=off", "-count=1", "-failfast", "-timeout=" + timeout.String(), "-run=" + m.pattern()}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+m.pkg())...)
	cmd.Dir = tree
	// A few states of a moment are enough for a mutant.
	cmd.Env = append(os.Environ(), "STATES=8", "TORTURE=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return result{}, fmt.Errorf("mutants: go test: %w", err)
	}
	res := parse(&stdout)
	res.output += stderr.String()
	return res, nil
}

// parse reads what go test -json writes.
func parse(r io.Reader) (res result) {
	var tail []string
	var running []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output, FailedBuild string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch e.Action {
		case "output", "build-output":
			if tail = append(tail, e.Output); len(tail) > 60 {
				tail = tail[1:]
			}
			res.late = res.late || strings.HasPrefix(e.Output, "panic: test timed out")
		case "build-fail":
			res.broken = true
		case "run":
			running = append(running, e.Test)
		case "pass", "fail", "skip":
			if e.Test == "" {
				res.broken = res.broken || e.FailedBuild != ""
				continue
			}
			running = slices.DeleteFunc(running, func(t string) bool { return t == e.Test })
			switch e.Action {
			case "pass":
				res.passed = append(res.passed, e.Test)
			case "fail":
				res.failed = append(res.failed, e.Test)
			}
		}
	}
	res.failed = append(res.failed, running...) // the program ended within them
	res.output = strings.Join(tail, "")
	return res
}
