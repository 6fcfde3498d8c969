package readme

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/backend/terraform"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

// models are those that the template has branches for.
func models(t *testing.T) map[string]*model.Model {
	return map[string]*model.Model{
		"default": backendtest.Model(t),
		"everything": backendtest.Model(t, func(o *model.Options) {
			o.Lambda.Enabled = true
			o.Job.Sink = "iceberg"
			o.Job.WorkerType = "G.025X"
			o.Lake.Bucket = "the-lake"
			o.Alarms.Email = "duty@example.com"
			o.Stream.Mode, o.Stream.Shards = "provisioned", 3
			o.Registry.Columns = nil
		}),
		"large": large(t),
	}
}

// large returns a model with so many columns that CloudFormation wants its template in a bucket.
func large(t *testing.T) *model.Model {
	fields := []record.Field{{Name: "temperature", Kind: record.Float}}
	for i := range 200 {
		fields = append(fields, record.Field{Name: fmt.Sprintf("field_%d", i), Kind: record.Float, Doc: strings.Repeat("what it is ", 10)})
	}
	s, err := record.NewSchema("env", 1, fields...)
	require.NoError(t, err)
	m, err := model.New(model.Options{
		Project: "my-project", Schemas: []string{"env.json"}, Lake: model.Lake{Bucket: "large", ExpireDays: 365},
		Job: model.Job{MaxWorkers: 3}, Alarms: model.Alarms{Email: "large@example.com"},
	}, []*record.Schema{s})
	require.NoError(t, err)
	return m
}

func render(t *testing.T, m *model.Model) string {
	text, err := Readme(m)
	require.NoError(t, err)
	require.NotContains(t, string(text), "[[")
	require.NotContains(t, string(text), "<no value>")
	require.NotContains(t, string(text), "${AWS::")
	return string(text)
}

func blocks(text string) (out []string) {
	for _, m := range regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// imports returns what the text says to import.
func imports(text string) []string { return regexp.MustCompile("`aws_[^`]+`").FindAllString(text, -1) }

func TestBlocksAreBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	for name, m := range models(t) {
		found := blocks(render(t, m))
		require.Greater(t, len(found), 15)
		for _, block := range found {
			c := exec.Command(bash, "-n")
			c.Stdin = strings.NewReader(block)
			out, err := c.CombinedOutput()
			require.NoError(t, err, "%s: %s\n%s", name, out, block)
		}
	}
}

// TestNamesAreThoseOfTheStack looks for every name that a command is given among those that
// the template has.
func TestNamesAreThoseOfTheStack(t *testing.T) {
	options := regexp.MustCompile(`--(?:stream-name|policy-name|job-name|work-group|log-group-name|key-id|function-name) "?([^\s"]+)`)
	for name, m := range models(t) {
		template, err := stack.CloudFormation(m)
		require.NoError(t, err)
		have := strings.NewReplacer(stack.Account, "$ACCOUNT", stack.Region, "$AWS_REGION").Replace(string(template))
		found := map[string]bool{}
		for _, block := range blocks(render(t, m)) {
			for _, o := range options.FindAllStringSubmatch(block, -1) {
				if !strings.HasPrefix(o[1], "$") {
					found[o[1]] = true
				}
			}
			for _, path := range regexp.MustCompile(`s3://\$LAKE/([a-z-]+/)`).FindAllStringSubmatch(block, -1) {
				require.Contains(t, model.Prefixes(), path[1], name)
			}
		}
		require.Greater(t, len(found), 5)
		for o := range found {
			require.Regexp(t, `[ "/]`+regexp.QuoteMeta(o)+`["\n,}]`, have, name)
		}
		// deploy() gives every parameter that there is, and no other.
		deploy := regexp.MustCompile(`(?s)--parameter-overrides.*?\ndeploy `).FindString(render(t, m))
		parameters := regexp.MustCompile(`(?s)\nParameters:\n.*?\n\n`).FindString(have)
		require.Equal(t, firsts(regexp.MustCompile(`\b([A-Z][a-z]\w+)=`), deploy), firsts(regexp.MustCompile(`(?m)^  (\w+):$`), parameters), name)
	}
}

// firsts returns what the first group of each match has.
func firsts(pattern *regexp.Regexp, text string) (out []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestNamesAreThoseOfTerraform likewise, for resources and variables.
func TestNamesAreThoseOfTerraform(t *testing.T) {
	for name, m := range models(t) {
		files, err := terraform.Files(m)
		require.NoError(t, err)
		var have strings.Builder
		for _, text := range files {
			have.Write(text)
		}
		found := 0
		for _, block := range append(blocks(render(t, m)), imports(render(t, m))...) {
			for _, r := range regexp.MustCompile(`\b(aws_\w+)\.(\w+)`).FindAllStringSubmatch(block, -1) {
				require.Contains(t, have.String(), `resource "`+r[1]+`" "`+r[2]+`" {`, name)
				found++
			}
			for _, v := range regexp.MustCompile(`-var "?(\w+)=`).FindAllStringSubmatch(block, -1) {
				require.Contains(t, have.String(), `variable "`+v[1]+`" {`, name)
				found++
			}
		}
		require.GreaterOrEqual(t, found, 3+4)
		// What has prevent_destroy is what the README takes out of the state, by these names.
		taken := regexp.MustCompile(`grep -E '(.+?)'`).FindStringSubmatch(render(t, m))
		require.NotNil(t, taken)
		kept := 0
		for _, r := range regexp.MustCompile(`(?s)\nresource "(\w+)" "(\w+)" \{(.*?)\n\}`).FindAllStringSubmatch("\n"+have.String(), -1) {
			if strings.Contains(r[3], "prevent_destroy = true") {
				require.Regexp(t, taken[1], r[1]+"."+r[2])
				kept++
			}
		}
		require.Equal(t, 4, kept)
	}
}

func TestBranches(t *testing.T) {
	all := models(t)
	plain, everything, wide := render(t, all["default"]), render(t, all["everything"]), render(t, all["large"])
	for text, in := range map[string]string{
		"LAKE=my-project-lake-$ACCOUNT-$AWS_REGION\n":                      plain,
		"2 workers of G.1X at most, 2 DPU: $642 a month":                   plain,
		"$DEVICE,site-of-it,model-of-it":                                   plain,
		"aws sns subscribe":                                                plain,
		"lambda.zip":                                                       everything,
		"lambda update-function-code --function-name my-project-consumer ": everything,
		`--s3-bucket "$TEMPLATES"`:                                         wide,
		`rb --force "s3://$TEMPLATES"`:                                     wide,
		`DELETE FROM "my_project"."env_compact"`:                           wide,
		"LAKE=the-lake\n":                                                  everything,
		"2 workers of G.025X at most, 0.5 DPU: $161 a month":               everything,
		"3 shard-hours an hour":                                            everything,
		"duty@example.com":                                                 everything,
	} {
		require.Contains(t, in, text)
		for _, other := range []string{plain, everything, wide} {
			if other != in {
				require.NotContains(t, other, text)
			}
		}
	}
}

func TestSampleIsValid(t *testing.T) {
	schema, err := record.NewSchema("s", 1,
		record.Field{Name: "between", Kind: record.Float, Min: record.Limit(0.01), Max: record.Limit(0.02), Required: true},
		record.Field{Name: "above", Kind: record.Int, Min: record.Limit(7), Required: true},
		record.Field{Name: "below", Kind: record.Float, Max: record.Limit(-7), Required: true},
		record.Field{Name: "any", Kind: record.Float, Required: true},
		record.Field{Name: "note", Kind: record.String, Required: true},
		record.Field{Name: "on", Kind: record.Bool, Required: true},
		record.Field{Name: "left", Kind: record.Bool},
	)
	require.NoError(t, err)
	line, err := oneLine(sample(schema))
	require.NoError(t, err)
	require.JSONEq(t, `{"device_id":"try-1","boot":"0000000000000001","seq":1,"schema":"s/1","readings":
		{"between":0.015,"above":7,"below":-7.0,"any":0.0,"note":"text","on":true}}`, line)
	require.Contains(t, line, `"any":0.0`, "a float has a point")

	schema, err = record.NewSchema("s", 1, record.Field{Name: "on", Kind: record.Bool})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"on": true}, sample(schema)["readings"])
}

// What devices send comes to a terminal only through what escapes it: jq -a or cat -v at the end of
// the command. A command may also keep it, in a file or a variable.
func TestWhatDevicesSendIsEscaped(t *testing.T) {
	hostile := regexp.MustCompile(`get-query-results|StateChangeReason|ErrorMessage|filter-log-events|json\.gz' -exec zcat|\$rows"`)
	escaped := regexp.MustCompile(`\| (cat -v|jq -a.*)( >&2)?$|^ *jq -ac .* <<< "\$rows"$|^ *rows=\$\(|^ *find .*\| jq -ac? .*\| head( -n 1)?$`)
	for name, m := range models(t) {
		found := 0
		for _, block := range blocks(render(t, m)) {
			for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
				if line = strings.TrimSuffix(line, "\n"); hostile.MatchString(line) {
					require.Regexp(t, escaped, line, name)
					found++
				}
			}
		}
		require.GreaterOrEqual(t, found, 8, name)
	}
}
