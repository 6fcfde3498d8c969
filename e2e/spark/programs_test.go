package spark

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/progress"
	"github.com/rivulet-iot/rivulet/e2e/internal/tools"
)

// root is the repository's, relative to this package.
var root = filepath.Join("..", "..")

func python41(t *testing.T) string {
	return tools.Path(t, "spark-setup.sh", "spark41", "bin", "python")
}

// endpoint returns the emulator's, or skips the test.
func endpoint(t *testing.T) string {
	t.Helper()
	url := os.Getenv("KINESIS_LOCAL_PLAIN")
	if url == "" {
		t.Skip("KINESIS_LOCAL_PLAIN is not set: run scripts/backend-e2e.sh, which starts the emulator")
	}
	return url
}

var programs = struct {
	sync.Mutex
	dir   string
	built map[string]string
}{built: map[string]string{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rivulet-e2e-")
	if err != nil {
		panic(err)
	}
	programs.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds a program of the repository, once, and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if programs.built[pkg] == "" {
		program := filepath.Join(programs.dir, filepath.Base(pkg))
		cmd := exec.Command("go", "build", "-o", program, pkg)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go build %s\n%s", pkg, out)
		programs.built[pkg] = program
	}
	return programs.built[pkg]
}

func agent(t *testing.T) string   { return build(t, "./examples/raspberrypi") }
func rivulet(t *testing.T) string { return build(t, "./cmd/rivulet") }

// command runs a program to its end and returns its stdout; what it says on
// stderr is shown when it fails.
func command(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	stdout, stderr, err := run(program, args...)
	require.NoError(t, err, "%s %v\n%s", program, args, stderr)
	return stdout
}

func run(program string, args ...string) (stdout, stderr []byte, err error) {
	cmd := exec.Command(program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Stdin = &out, &errs, io.Reader(nil)
	err = progress.Run(cmd)
	return out.Bytes(), errs.Bytes(), err
}
