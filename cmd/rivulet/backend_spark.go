package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/internal/term"
)

// venv is where the tests of this repository have their Spark, and where the
// advice below puts one.
var venv = filepath.Join(".tools", "spark41")

// findPython returns the Python to run Spark with, which has all that is needed.
func (c *backendTool) findPython() (string, error) {
	py, from := c.python, "-python"
	if py == "" {
		py, from = os.Getenv("RIVULET_PYTHON"), "RIVULET_PYTHON"
	}
	if py == "" {
		py, from = venvPython(venv), "here"
		if _, err := os.Stat(py); err != nil {
			py, from = "python3", "the PATH"
		}
	}
	const missing = "import sys, importlib.util as u; print(*[m for m in ('pyspark', 'pyarrow', 'pandas', 'zstandard') if not u.find_spec(m)])"
	out, err := exec.CommandContext(c.ctx, py, "-c", missing).Output()
	if err != nil {
		return "", fmt.Errorf("python %s, from %s, cannot be run: %w%s", py, from, err, advice)
	}
	if names := strings.Fields(string(out)); len(names) > 0 {
		return "", fmt.Errorf("python %s, from %s, has no %s%s", py, from, strings.Join(names, ", "), advice)
	}
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", "java")
	}
	if err := exec.CommandContext(c.ctx, java, "-version").Run(); err != nil {
		return "", fmt.Errorf("spark needs Java 17 or later, and %s cannot be run: %w (Debian: apt-get install default-jre-headless; macOS: brew install openjdk@17)", java, err)
	}
	return py, nil
}

// venvPython is the program of a venv.
func venvPython(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Scripts", "python.exe")
	}
	return filepath.Join(dir, "bin", "python")
}

// advice is how to get a Python with Spark; it takes about 1 GB.
var advice = fmt.Sprintf(`; these make one that has all (1 GB; Spark also needs Java 17 or later):
  python3 -m venv rivulet-spark
  %[1]s -m pip install pyspark==4.1.1 pyarrow pandas zstandard==0.25.0
  rivulet backend try -python %[1]s …`, venvPython("rivulet-spark"))

// trialBatch is what the job prints of a batch.
type trialBatch struct {
	Batch      string `json:"batch"`
	Duplicates int    `json:"duplicates"`
	Corrected  int    `json:"clocks_corrected"`
}

// runSpark runs a program on Spark, shows how far it is, and returns the batches that
// the job reports. All that it prints goes to the log, and if it fails, the end of
// that into the error.
func (c *backendTool) runSpark(py, log string, args ...string) (batches []trialBatch, err error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.CommandContext(c.ctx, py, args...)
	cmd.WaitDelay = 5 * time.Second // the JVM ends when Python has, but may take a moment
	cmd.Stderr = file
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	show := newStages(c.err)
	defer show.end()
	scan := bufio.NewScanner(stdout)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		fmt.Fprintf(file, "%s\n", scan.Bytes())
		if stage, ok := bytes.CutPrefix(scan.Bytes(), []byte("rivulet-try: ")); ok {
			show.stage(term.Escape(string(stage)))
		}
		var b trialBatch
		if bytes.HasPrefix(scan.Bytes(), []byte(`{"batch"`)) && json.Unmarshal(scan.Bytes(), &b) == nil {
			batches = append(batches, b)
		}
	}
	if err := cmd.Wait(); err != nil {
		if c.ctx.Err() != nil {
			return nil, c.ctx.Err()
		}
		return nil, fmt.Errorf("the job failed: %w; the end of what Spark said:\n%s", err, lastLines(log, 15))
	}
	return batches, nil
}

// lastLines returns the last lines of a file, but not the plan of a query, which
// Spark puts behind the reason why it failed. What they quote of the input, no
// terminal obeys.
func lastLines(file string, n int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	text, _, _ := strings.Cut(string(data), "=== Streaming Query ===")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = term.Escape(strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
