package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// toolsDir is where scripts/bench.sh puts what the peers in other languages need.
const toolsDir = "../.tools/bench"

// peer is a producer that is measured.
type peer struct {
	name  string
	about string
	rows  bool // is given values, not record JSON
	// command returns what to start; bin is where the Go programs are. The error
	// says what is missing.
	command func(bin string) ([]string, error)
}

// peers are in the order of the table.
var peers = []peer{
	{"rivulet", "Rivulet, default codec", true, inGo("rivulet")},
	{"a8m", "a8m/kinesis-producer 0.2.0, HTTP/1.1", false, inGo("a8m")},
	{"a8m-h2", "the same, HTTP/2", false, inGo("a8m", "h2")},
	{"sdk", "aws-sdk-go-v2, PutRecords of 500", false, inGo("sdk")},
	{"kpl", "KPL for Java 1.1.1, with its daemon", false, inJava},
	{"aiokpl", "aiokpl 0.2.0 (Python)", false, inPython("aiokpl_program.py")},
	{"async-kinesis", "async-kinesis 3.0.1 (Python)", false, inPython("async_kinesis_program.py")},
}

func inGo(program string, args ...string) func(string) ([]string, error) {
	return func(bin string) ([]string, error) {
		return append([]string{filepath.Join(bin, program)}, args...), nil
	}
}

func inJava(string) ([]string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("java not found; install a JDK 17 and Maven, then run scripts/bench.sh")
	}
	dir := filepath.Join(toolsDir, "kpl")
	if _, err := os.Stat(filepath.Join(dir, "installed")); err != nil {
		return nil, fmt.Errorf("the KPL is not installed; run scripts/bench.sh, which needs a JDK 17 and Maven")
	}
	// It unpacks its daemon into the directory for temporary files.
	return []string{java, "-Djava.io.tmpdir=" + filepath.Join(dir, "tmp"), "-cp", filepath.Join(dir, "classes") + string(os.PathListSeparator) + filepath.Join(dir, "lib", "*"), "Program"}, nil
}

func inPython(program string) func(string) ([]string, error) {
	return func(string) ([]string, error) {
		venv := filepath.Join(toolsDir, "venv")
		if _, err := os.Stat(filepath.Join(venv, "installed")); err != nil {
			return nil, fmt.Errorf("its packages are not installed; run scripts/bench.sh, which needs Python 3.11 or later with venv")
		}
		return []string{filepath.Join(venv, "bin", "python"), filepath.Join("python", program)}, nil
	}
}

// buildPrograms compiles the Go programs as they would be for a device. Each is a
// program of its own, so that none has another's code and start-up in its memory.
func buildPrograms(bin string) error {
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin+string(filepath.Separator), "./programs/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./programs/...: %w\n%s", err, out)
	}
	return nil
}
