package terraform

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rivulet-iot/rivulet/e2e/internal/progress"
)

// write renders a model into the folder terraform below dir, beside what it uploads, after a
// change of its text.
func write(t *testing.T, dir, options, old, new string) string {
	t.Helper()
	m := newModel(t, options)
	files, _ := render(t, m)
	out := map[string]string{"glue/" + m.ScriptName(): "", "lambda/lambda.zip": ""}
	found := old == ""
	for name, text := range files {
		found = found || strings.Contains(string(text), old)
		out["terraform/"+name] = strings.ReplaceAll(string(text), cmp.Or(old, "\x00"), new)
	}
	if !found {
		t.Fatalf("no file has %q", old)
	}
	for path, text := range out {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "terraform")
}

type finding struct {
	ID       string `json:"check_id"`
	Resource string
	Path     string `json:"file_path"` // from the folder, with a slash before it
	Result   struct {
		Comment string `json:"suppress_comment"`
	} `json:"check_result"`
}

// checkov returns what it finds wrong, and what it was told not to look for.
func checkov(t *testing.T, dir string) (failed, skipped []finding) {
	t.Helper()
	program := filepath.Join(tools(t, "STACK_TOOLS"), "python/bin/checkov")
	python := filepath.Join(filepath.Dir(program), "python")
	out, err := exec.Command(python, program, "--framework", "terraform", "--skip-download", "--soft-fail",
		"--output", "json", "--directory", dir).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var report struct {
		Results struct {
			Passed  []finding `json:"passed_checks"`
			Failed  []finding `json:"failed_checks"`
			Skipped []finding `json:"skipped_checks"`
		}
		Summary struct {
			ParsingErrors int `json:"parsing_errors"`
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if report.Summary.ParsingErrors > 0 || len(report.Results.Passed) < 50 {
		t.Fatalf("%d parsing errors, %d checks passed", report.Summary.ParsingErrors, len(report.Results.Passed))
	}
	return report.Results.Failed, report.Results.Skipped
}

// checkov finds nothing but what is excused with a reason; it finds what is switched off.
func TestCheckov(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "right"), models["everything"], "", "")
	write(t, filepath.Join(dir, "wrong"), models["everything"], "enable_key_rotation     = true", "enable_key_rotation     = false")
	failed, skipped := checkov(t, dir)
	found := false
	for _, f := range failed {
		if strings.HasPrefix(f.Path, "/right/") {
			t.Errorf("%s: %s", f.Resource, f.ID)
		}
		found = found || strings.HasPrefix(f.Path, "/wrong/") && f.Resource == "aws_kms_key.key"
	}
	if !found {
		t.Error("a key without rotation is not found")
	}
	for _, f := range skipped {
		if len(f.Result.Comment) < 20 {
			t.Errorf("%s: %s is skipped without a reason", f.Resource, f.ID)
		}
	}
}

// Where there is a terraform or tofu, and it can get the provider, it has the last word.
func TestValidate(t *testing.T) {
	program, err := exec.LookPath("terraform")
	if err != nil {
		if program, err = exec.LookPath("tofu"); err != nil {
			t.Skip("neither terraform nor tofu is here")
		}
	}
	dir := write(t, t.TempDir(), models["everything"], "", "")
	run := func(arguments ...string) (string, error) {
		cmd := exec.Command(program, arguments...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
		if cache := os.Getenv("TERRAFORM_TOOLS"); cache != "" {
			cmd.Env = append(cmd.Env, "TF_PLUGIN_CACHE_DIR="+cache)
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := progress.Run(cmd) // it takes as long as it takes to download the provider, once
		return out.String(), err
	}
	if out, err := run("init", "-backend=false", "-input=false", "-no-color"); err != nil {
		t.Skipf("%s cannot get the provider: %s", program, out)
	}
	if out, err := run("validate", "-no-color"); err != nil {
		t.Errorf("%s validate: %v\n%s", program, err, out)
	}
	if out, err := run("fmt", "-check", "-diff", "-no-color"); err != nil {
		t.Errorf("%s fmt: %v\n%s", program, err, out)
	}
}
