package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/athena"
	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/readme"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

// A machine has a folder of commands that stand in for real ones, and notes what aws was asked.
type machine struct {
	t           *testing.T
	bin, fake   string
	work        string
	environment []string
}

func newMachine(t *testing.T) *machine {
	tools, err := filepath.Abs("../../.tools/cli/bin")
	require.NoError(t, err)
	if _, err := os.Stat(tools + "/python"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not there; run scripts/cli-setup.sh", tools)
		}
		t.Skipf("%s is not there; scripts/cli-setup.sh installs it", tools)
	}
	for _, tool := range []string{"bash", "jq", "sed", "zcat"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s not found", tool)
			}
			t.Skipf("%s not found", tool)
		}
	}
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	m := &machine{t: t, bin: t.TempDir(), fake: t.TempDir(), work: t.TempDir()}
	m.command("aws", "exec '"+tools+"/python' -ISB '"+here+"/ask_aws.py' '"+server(t, tools+"/python")+"' \"$@\"")
	m.command("sleep", "exit 0")
	m.environment = append(os.Environ(), "PATH="+m.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "FAKE_AWS="+m.fake, "HOME="+m.fake,
		"AWS_DEFAULT_REGION=eu-west-1")
	return m
}

var (
	serving sync.Once
	socket  string
	stop    = func() {}
)

// server returns the socket of the one process that stands for AWS.
func server(t *testing.T, python string) string {
	serving.Do(func() {
		dir, err := os.MkdirTemp("", "aws")
		require.NoError(t, err)
		socket = filepath.Join(dir, "socket")
		c := exec.Command(python, "-B", "fake_aws.py", socket)
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		stop = func() {
			_ = c.Process.Kill()
			_ = c.Wait()
			_ = os.RemoveAll(dir)
		}
		_, err = out.Read(make([]byte, 1)) // once it is ready
		require.NoError(t, err)
	})
	return socket
}

func TestMain(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

func (m *machine) command(name, script string) {
	require.NoError(m.t, os.WriteFile(filepath.Join(m.bin, name), []byte("#!/usr/bin/env bash\n"+script+"\n"), 0o755))
}

func (m *machine) file(path string, data []byte) {
	path = filepath.Join(m.work, path)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, data, 0o644))
}

// bash runs a script, which must not fail.
func (m *machine) bash(script string) string {
	c := exec.Command("bash", "-euo", "pipefail", "-c", script)
	c.Dir, c.Env = m.work, m.environment
	out, err := c.CombinedOutput()
	require.NoError(m.t, err, "%s", out)
	return string(out)
}

// A call is one of the AWS API.
type call struct {
	Call       string
	Parameters map[string]any
}

func (m *machine) calls() (out []call) {
	text, err := os.ReadFile(filepath.Join(m.fake, "calls.ndjson"))
	require.NoError(m.t, err)
	for line := range strings.Lines(string(text)) {
		var c call
		require.NoError(m.t, json.Unmarshal([]byte(line), &c))
		out = append(out, c)
	}
	return out
}

// output writes the files that the README's commands need.
func (m *machine) output(mod *model.Model) {
	template, err := stack.CloudFormation(mod)
	require.NoError(m.t, err)
	m.file("cloudformation/backend.yaml", template)
	m.file("glue/"+mod.ScriptName(), []byte("# the job\n"))
	m.file("lambda/handler.py", []byte("# the consumer\n"))
	m.file(model.RegistryFile, []byte("device_id\n"))
	statements, err := athena.Files(mod)
	require.NoError(m.t, err)
	for name, text := range statements {
		m.file("athena/"+name, text)
	}
}

func TestCommandsOfTheReadme(t *testing.T) {
	for name, change := range map[string]func(*model.Options){
		"default": func(*model.Options) {},
		"everything": func(o *model.Options) {
			o.Lambda.Enabled, o.Job.Sink, o.Alarms.Email, o.Registry.Columns = true, "iceberg", "duty@example.com", nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mod := backendtest.Model(t, change)
			text, err := readme.Readme(mod)
			require.NoError(t, err)
			m := newMachine(t)
			m.output(mod)
			m.command("terraform", `[ "$2 $3" != "state list" ] || printf '%s\n' aws_kms_key.key aws_iam_role.device_role aws_s3_bucket.lake`)
			m.command("curl", `echo '{"credentials": {"accessKeyId": "A", "secretAccessKey": "S", "sessionToken": "T"}}'`)
			m.command("python3", `case $2 in pip) mkdir -p lambda/package ;; zipfile) touch "$4" ;; *) exit 1 ;; esac`)
			var script strings.Builder
			for _, block := range regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
				script.WriteString(block[1])
			}
			m.bash(script.String())

			called := map[string][]map[string]any{}
			for _, c := range m.calls() {
				called[c.Call] = append(called[c.Call], c.Parameters)
			}
			var starts []any
			for _, change := range called["cloudformation.CreateChangeSet"] {
				require.Equal(t, mod.Project, change["StackName"])
				for _, p := range change["Parameters"].([]any) {
					switch p := p.(map[string]any); p["ParameterKey"] {
					case "Start":
						starts = append(starts, p["ParameterValue"])
					case "Administrators":
						require.Equal(t, "arn:aws:iam::123456789012:role/*Admin", p["ParameterValue"])
					}
				}
			}
			require.Equal(t, []any{"false", "true", "false", "true", "false", "true", "false"}, starts,
				"deploy, deploy, stop, change the schema, lost checkpoint, remove")
			uploaded := map[string]bool{}
			for _, put := range called["s3.PutObject"] {
				uploaded[put["Key"].(string)] = true
			}
			require.True(t, uploaded["scripts/"+mod.ScriptName()])
			require.True(t, uploaded[model.RegistryFile])
			require.Equal(t, mod.Lambda.Enabled, uploaded["scripts/lambda.zip"])
			var queries strings.Builder
			for _, q := range called["athena.StartQueryExecution"] {
				require.Equal(t, mod.Workgroup(), q["WorkGroup"])
				queries.WriteString(q["QueryString"].(string) + "\n")
			}
			for _, want := range []string{`VIEW "my_project"."env_latest"`, `VIEW "my_project"."env_gaps"`, "OPTIMIZE", "VACUUM", "'try-1'"} {
				require.Contains(t, queries.String(), want)
			}
			require.NotContains(t, queries.String(), "-- ")
			require.NotContains(t, queries.String(), "ACCOUNT-REGION")
			require.NotContains(t, queries.String(), `"year" = 2026 AND "month" = 1 AND "day" = 1`)
			require.Contains(t, called["s3.CopyObject"][0]["Key"], "replay/env/year=")
			require.Len(t, called["s3.DeleteBucket"], 2)
			for _, once := range []string{
				"iot.AttachPolicy", "iot.AttachThingPrincipal", "kinesis.PutRecord", "glue.StartJobRun", "iot.DetachPolicy",
				"iot.DeleteCertificate", "cloudformation.DeleteStack", "kinesis.DeleteStream", "kms.ScheduleKeyDeletion",
			} {
				require.Len(t, called[once], 1, once)
			}
		})
	}
}

func TestFakeRefusesWhatAWSWould(t *testing.T) {
	m := newMachine(t)
	for script, why := range map[string]string{
		"aws glue get-job-runs --job-name x --bogus":                         "Unknown options: --bogus",
		"aws glue get-job-run --job-name x":                                  "--run-id",
		"aws glue get-jobruns --job-name x":                                  "argument operation: Invalid choice",
		"aws kinesis put-record --stream-name '' --partition-key k --data d": "Invalid length for parameter StreamName",
		"aws sts get-caller-identity --query 'Arn['":                         "Bad value for --query",
	} {
		c := exec.Command("bash", "-c", script)
		c.Dir, c.Env = m.work, m.environment
		out, err := c.CombinedOutput()
		require.Error(t, err, script)
		require.Contains(t, string(out), why)
	}
}
