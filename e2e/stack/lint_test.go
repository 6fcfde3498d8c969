package stack

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// cfnLint returns what cfn-lint finds, by template.
func cfnLint(t *testing.T, paths ...string) map[string][]string {
	// By its interpreter, as checkov: the script itself names the folder that it was installed in.
	cmd := python(t, append([]string{filepath.Join(tools(t), "python/bin/cfn-lint"), "--format", "json"}, paths...)...)
	text, _ := cmd.Output() // it fails if it finds something
	var matches []struct {
		Filename string
		Rule     struct{ Id, ShortDescription string }
	}
	require.NoError(t, json.Unmarshal(text, &matches), "%s", text)
	found := map[string][]string{}
	for _, m := range matches {
		found[m.Filename] = append(found[m.Filename], m.Rule.Id+" "+m.Rule.ShortDescription)
	}
	return found
}

func TestCfnLint(t *testing.T) {
	require.Empty(t, cfnLint(t, templates(t)...))
	paths := []string{
		broken(t, "RetentionPeriodHours", "RetentionHours"),
		broken(t, `WorkerType: "G.2X"`, `WorkerType: "G.3X"`),
		broken(t, "!Ref JobSecurity", "!Ref Security"),
		broken(t, `"Null":`, "Null:"),
	}
	found := cfnLint(t, paths...)
	for _, path := range paths {
		require.NotEmpty(t, found[path], path)
	}
}

type checkovResult struct {
	Results struct {
		Failed  []checkovCheck `json:"failed_checks"`
		Skipped []checkovCheck `json:"skipped_checks"`
		Passed  []checkovCheck `json:"passed_checks"`
	}
	Summary struct {
		ParsingErrors int `json:"parsing_errors"`
	}
}

type checkovCheck struct {
	Id       string `json:"check_id"`
	Resource string
	File     string `json:"file_abs_path"`
	Result   struct {
		Comment string `json:"suppress_comment"`
	} `json:"check_result"`
}

func checkov(t *testing.T, paths ...string) (out checkovResult) {
	args := []string{filepath.Join(tools(t), "python/bin/checkov"), "--framework", "cloudformation", "--skip-download", "--soft-fail", "--output", "json"}
	for _, p := range paths {
		args = append(args, "--file", p)
	}
	run(t, python(t, args...), &out)
	require.Zero(t, out.Summary.ParsingErrors)
	require.NotEmpty(t, out.Results.Passed)
	return out
}

func TestCheckov(t *testing.T) {
	out := checkov(t, templates(t)...)
	require.Empty(t, out.Results.Failed)
	require.NotEmpty(t, out.Results.Skipped)
	for _, s := range out.Results.Skipped {
		require.Greater(t, len(s.Result.Comment), 20, "%s of %s is skipped without a reason", s.Id, s.Resource)
	}
	paths := []string{
		broken(t, "EnableKeyRotation: true", "EnableKeyRotation: false"),
		broken(t, "StreamEncryption: {EncryptionType: KMS, KeyId: !GetAtt Key.Arn}", "WarmThroughputMiBps: 1"),
		broken(t, "BlockPublicPolicy: true", "BlockPublicPolicy: false"),
		broken(t, "id: CKV_AWS_18", "id: CKV_AWS_19"),
	}
	failed := map[string]bool{}
	for _, f := range checkov(t, paths...).Results.Failed {
		failed[f.File] = true
	}
	for _, path := range paths {
		require.True(t, failed[path], "%s: %v", path, failed)
	}
}
