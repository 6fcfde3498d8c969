package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// documents whose commands are run.
func documents(t *testing.T) []string {
	docs, err := filepath.Glob(root + "/docs/*.md")
	require.NoError(t, err)
	return append(docs, root+"/README.md", root+"/DESIGN.md", root+"/CONTRIBUTING.md")
}

// blocks returns the fenced code blocks of one language.
func blocks(t *testing.T, file, language string) (out []string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out
}

var comment = regexp.MustCompile(`\s+#.*$`)

func TestCommandsInDocumentsRun(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil || runtime.GOOS == "windows" {
		t.Skip("needs bash")
	}
	setAside(t, "rivulet-backend.yaml", "env.schema.json", "out", "spool")
	ran := map[string]bool{}
	for _, doc := range documents(t) {
		for _, block := range blocks(t, doc, "sh") {
			for line := range strings.Lines(block) {
				cmd := strings.TrimSpace(comment.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
				if cmd == "" || strings.HasPrefix(cmd, "#") || ran[cmd] {
					continue
				}
				ran[cmd] = true
				t.Run(filepath.Base(doc)+": "+cmd, func(t *testing.T) {
					run := cmd
					if target, isMake := strings.CutPrefix(cmd, "make "); isMake {
						if _, err := exec.LookPath("make"); err != nil && os.Getenv("CI") == "" {
							t.Skip("make is not installed")
						}
						run = "make -n " + target // this test is part of make test
					}
					c := exec.Command("bash", "-c", run)
					c.Dir = root
					out, err := c.CombinedOutput()
					require.NoError(t, err, "%s", out)
				})
			}
		}
	}
	require.Contains(t, ran, "go run ./examples/raspberrypi")
	require.Contains(t, ran, "make test")
}

// setAside takes files out of the root's way that commands in documents write there,
// and puts them back in place of what the commands wrote.
func setAside(t *testing.T, names ...string) {
	for _, name := range names {
		file := filepath.Join(root, name)
		err := os.Rename(file, file+".aside")
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		t.Cleanup(func() {
			require.NoError(t, os.RemoveAll(file))
			if err == nil {
				require.NoError(t, os.Rename(file+".aside", file))
			}
		})
	}
}

func TestReadmeCodeIsOfTheExamples(t *testing.T) {
	var sources []string
	for _, name := range []string{"/examples/quickstart/main.go", "/retry/example_test.go"} {
		program, err := os.ReadFile(root + name)
		require.NoError(t, err)
		// The program takes an endpoint from the environment, for tests; README does not.
		sources = append(sources, strings.ReplaceAll(string(program), `Endpoint: os.Getenv("AWS_ENDPOINT_URL_KINESIS"), `, ""))
	}
	code := blocks(t, root+"/README.md", "go")
	require.NotEmpty(t, code)
	for _, block := range code {
		stray := ""
		for _, source := range sources {
			if stray = lineNotIn(block, source); stray == "" {
				break
			}
		}
		require.Empty(t, stray, "README has a line that no example has, or elsewhere")
	}
}

// lineNotIn returns the first line of the block that source does not have after
// those before it, or "".
func lineNotIn(block, source string) string {
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		at := strings.Index(source, line)
		if at < 0 {
			return line
		}
		source = source[at+len(line):]
	}
	return ""
}
