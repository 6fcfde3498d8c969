package stack

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

// tools is the folder that scripts/stack-setup.sh made. Without one, nothing is checked.
func tools(t *testing.T) string {
	dir := os.Getenv("STACK_TOOLS")
	if dir == "" {
		t.Skip("STACK_TOOLS is not set: run scripts/stack.sh")
	}
	return dir
}

func python(t *testing.T, args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(tools(t), "python/bin/python"), args...)
}

func node(t *testing.T, script string, input any) *exec.Cmd {
	tools(t)
	text, err := json.Marshal(input)
	require.NoError(t, err)
	cmd := exec.Command("node", script)
	cmd.Stdin = bytes.NewReader(text)
	return cmd
}

// run returns what a program that ends well prints on stdout, as JSON.
func run(t *testing.T, cmd *exec.Cmd, out any) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	require.NoError(t, err, "%v\n%s", cmd.Args, stderr.String())
	require.NoError(t, json.Unmarshal(text, out), "%s", text)
}

// models are what is checked: the defaults, everything that can be on, and everything
// that can be off.
func models(t *testing.T) []*model.Model {
	return []*model.Model{
		backendtest.Model(t),
		backendtest.Model(t, func(o *model.Options) {
			o.Project = "everything"
			o.Stream = model.Stream{Mode: "provisioned", Shards: 4, EnhancedMonitoring: true, RetentionHours: 168, MaxRecordKiB: 10240}
			o.Devices.CredentialSeconds = 43200
			o.Job = model.Job{Sink: "iceberg", GlueVersion: "5.1", WorkerType: "G.2X", MaxWorkers: 10}
			o.Lake = model.Lake{Bucket: "acme-telemetry"}
			o.Alarms.Email = "ops+alerts@example.com"
			o.Lambda.Enabled = true
		}),
		least(t),
	}
}

// least has all off that can be, and names that YAML may take for something else.
func least(t *testing.T) *model.Model {
	schema, err := record.NewSchema("off", 1,
		record.Field{Name: "on", Kind: record.Bool}, record.Field{Name: "null", Kind: record.Int}, record.Field{Name: "y", Kind: record.Float})
	require.NoError(t, err)
	m, err := model.New(model.Options{
		Project: "yes", Stream: model.Stream{Name: "123"}, Lake: model.Lake{InfrequentAccessDays: -1, ArchiveDays: -1},
	}, []*record.Schema{schema})
	require.NoError(t, err)
	return m
}

// templates writes the template of each model to a file.
func templates(t *testing.T) (paths []string) {
	dir := t.TempDir()
	for _, m := range models(t) {
		text, err := stack.CloudFormation(m)
		require.NoError(t, err)
		path := filepath.Join(dir, m.Project+".yaml")
		require.NoError(t, os.WriteFile(path, text, 0o644))
		paths = append(paths, path)
	}
	return paths
}

// broken writes the template with everything on, changed at the first place that has old.
func broken(t *testing.T, old, new string) string {
	text, err := stack.CloudFormation(models(t)[1])
	require.NoError(t, err)
	require.True(t, strings.Contains(string(text), old), old)
	path := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644))
	return path
}
