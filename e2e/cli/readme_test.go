package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/athena"
	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/readme"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

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

// commands returns those of a README for who uses CloudFormation, or Terraform: sections "With …"
// are for one of them.
func commands(t *testing.T, text, tool string) string {
	var out strings.Builder
	heading := ""
	for _, part := range regexp.MustCompile("(?ms)^##+ (.*?)$|```bash\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if part[1] != "" {
			heading = part[1]
		}
		with, only := strings.CutPrefix(heading, "With ")
		if !only || with == tool {
			out.WriteString(part[2])
		}
		if !only {
			require.NotRegexp(t, "aws cloudformation|terraform", part[2], "commands that not everybody has")
		}
	}
	return out.String()
}

func TestCommandsOfTheReadme(t *testing.T) {
	fields := []record.Field{{Name: "temperature", Kind: record.Float}}
	for i := range 200 {
		fields = append(fields, record.Field{Name: fmt.Sprintf("field_%d", i), Kind: record.Float, Unit: "Cel", Doc: strings.Repeat("what it is ", 10)})
	}
	wide, err := record.NewSchema("env", 1, fields...)
	require.NoError(t, err)
	large, err := model.New(model.Options{
		Project: "my-project", Schemas: []string{"env.json"}, Lake: model.Lake{ExpireDays: 365}, Lambda: model.Lambda{Enabled: true},
	}, []*record.Schema{wide})
	require.NoError(t, err)
	everything := func(o *model.Options) {
		o.Lambda.Enabled, o.Job.Sink, o.Alarms.Email, o.Registry.Columns = true, "iceberg", "duty@example.com", nil
	}
	for name, c := range map[string]struct {
		model *model.Model
		tool  string
	}{
		"default":               {backendtest.Model(t), "CloudFormation"},
		"large":                 {large, "CloudFormation"},
		"everything, Terraform": {backendtest.Model(t, everything), "Terraform"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCommands(t, c.model, c.tool)
		})
	}
}

// hostile reports whether a terminal obeys r instead of showing it.
func hostile(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r < 0x202f || r >= 0x2066 && r < 0x206a
}

func testCommands(t *testing.T, mod *model.Model, tool string) {
	text, err := readme.Readme(mod)
	require.NoError(t, err)
	m := newMachine(t)
	m.output(mod)
	m.command("terraform", `[ "$2 $3" != "state list" ] || printf '%s\n' aws_kms_key.key aws_iam_role.device_role aws_s3_bucket.lake
echo "$@" >>"$FAKE_AWS/terraform"`)
	m.command("curl", `echo '{"credentials": {"accessKeyId": "A", "secretAccessKey": "S", "sessionToken": "T"}}'`)
	m.command("python3", `case $2 in pip) mkdir -p lambda/package ;; zipfile) touch "$4"; echo zip >>"$FAKE_AWS/zips" ;; *) exit 1 ;; esac`)
	said := strings.ReplaceAll(m.bash(commands(t, string(text), tool)), "remaining\r", "") // of aws s3 cp, which shows how far it is
	require.Equal(t, -1, strings.IndexFunc(said, hostile), "what a device sent reaches the terminal: %q", said)
	require.NotContains(t, said, "\nall is well", "a device writes a line of its own")
	for _, shown := range []string{`["range","pi-1\u001b[2J`, `"{\"a\":\"\u001b`, `["pi-1\u001b[2J`, `null,"\u001b`, "^[[2J^[]0;owned"} {
		require.Contains(t, said, shown)
	}

	called := map[string][]map[string]any{}
	for _, c := range m.calls() {
		called[c.Call] = append(called[c.Call], c.Parameters)
	}
	var starts []string
	const administrator = "arn:aws:iam::123456789012:role/ops/Admin"
	for _, change := range called["cloudformation.CreateChangeSet"] {
		require.Equal(t, mod.Project, change["StackName"])
		for _, p := range change["Parameters"].([]any) {
			switch p := p.(map[string]any); p["ParameterKey"] {
			case "Start":
				starts = append(starts, p["ParameterValue"].(string))
			case "Administrators":
				require.Equal(t, administrator, p["ParameterValue"])
			}
		}
	}
	if tool == "Terraform" {
		require.Empty(t, starts)
		done, err := os.ReadFile(filepath.Join(m.fake, "terraform"))
		require.NoError(t, err)
		starts = append(starts, "false") // which only CloudFormation needs first
		for _, apply := range regexp.MustCompile(`apply -auto-approve -var administrators=\["(.*?)"\] -var start=(.*)`).FindAllStringSubmatch(string(done), -1) {
			require.Equal(t, administrator, apply[1])
			starts = append(starts, apply[2])
		}
		require.Contains(t, string(done), "state rm aws_kms_key.key aws_s3_bucket.lake\n-chdir=terraform destroy")
	}
	require.Equal(t, []string{"false", "true", "false", "false", "true", "false", "true", "false"}, starts,
		"deploy, deploy, back-fill, change the schema, lost checkpoint, remove")
	uploaded := map[string]int{}
	for _, put := range called["s3.PutObject"] {
		uploaded[put["Key"].(string)]++
	}
	require.NotZero(t, uploaded["scripts/"+mod.ScriptName()])
	require.Equal(t, 1+min(1, len(mod.Registry.Columns)), uploaded[model.RegistryFile])
	if zips, _ := os.ReadFile(filepath.Join(m.fake, "zips")); mod.Lambda.Enabled {
		require.Equal(t, "zip\nzip\n", string(zips), "deploy, change the schema")
		require.NotZero(t, uploaded["scripts/lambda.zip"])
		require.Len(t, called["lambda.UpdateFunctionCode"], 1)
		require.Equal(t, "scripts/lambda.zip", called["lambda.UpdateFunctionCode"][0]["S3Key"])
	} else {
		require.Empty(t, zips)
		require.Zero(t, uploaded["scripts/lambda.zip"])
		require.Empty(t, called["lambda.UpdateFunctionCode"])
	}
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
	require.Len(t, called["s3.DeleteBucket"], 2+min(1, len(called["s3.CreateBucket"])))
	once := []string{
		"iot.AttachPolicy", "iot.AttachThingPrincipal", "kinesis.PutRecord", "glue.StartJobRun", "iot.DetachPolicy",
		"iot.DeleteCertificate", "kinesis.DeleteStream", "kms.ScheduleKeyDeletion",
	}
	if tool == "CloudFormation" {
		once = append(once, "cloudformation.DeleteStack")
	}
	for _, once := range once {
		require.Len(t, called[once], 1, once)
	}
	if strings.Contains(string(text), "$TEMPLATES") {
		require.Len(t, called["s3.CreateBucket"], 1)
		for _, change := range called["cloudformation.CreateChangeSet"] {
			require.Contains(t, change["TemplateURL"], "my-project-templates-123456789012-eu-west-1/")
		}
	}
}

// The list of devices is somebody's work: deploying once more leaves it as it is.
func TestDeployingAgainKeepsTheRegistry(t *testing.T) {
	t.Parallel()
	mod := backendtest.Model(t)
	text, err := readme.Readme(mod)
	require.NoError(t, err)
	m := newMachine(t)
	m.output(mod)
	before, _, found := strings.Cut(string(text), "### Views")
	require.True(t, found)
	deploy := commands(t, before, "CloudFormation")
	m.bash(deploy + deploy)
	uploaded := map[any]int{}
	for _, c := range m.calls() {
		if c.Call == "s3.PutObject" {
			uploaded[c.Parameters["Key"]]++
		}
	}
	require.Equal(t, map[any]int{model.RegistryFile: 1, "scripts/" + mod.ScriptName(): 2}, uploaded)
}
