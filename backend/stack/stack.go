package stack

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/rivulet-iot/rivulet/backend/model"
)

//go:embed *.tmpl
var sources embed.FS

// parts are the files that make the template, in order.
var parts = []string{"head", "stream", "lake", "job", "access", "athena", "alarms", "consumer", "outputs"}

// CloudFormation returns the template, as YAML. Its parameters are who
// administers the buckets, whether the job runs and, with a consumer, whether its code
// is there.
func CloudFormation(m *model.Model) ([]byte, error) {
	v := viewOf(m)
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"quote": quote, "sub": scalar, "policy": v.policy, "dashboard": v.dashboard,
	}).ParseFS(sources, "*.yaml.tmpl")
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	var b bytes.Buffer
	for _, part := range parts {
		if part == "consumer" && !m.Lambda.Enabled {
			continue
		}
		if err := t.ExecuteTemplate(&b, part+".yaml.tmpl", v); err != nil {
			return nil, fmt.Errorf("stack: %w", err)
		}
	}
	return b.Bytes(), nil
}

// Dashboard returns the body of the CloudWatch dashboard: JSON, with the placeholder
// [Region].
func Dashboard(m *model.Model) (string, error) {
	t, err := template.ParseFS(sources, "dashboard.json.tmpl")
	if err != nil {
		return "", fmt.Errorf("stack: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, viewOf(m)); err != nil {
		return "", fmt.Errorf("stack: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Values are what both templates need beyond the model, worked out.
type Values struct {
	SessionSeconds    int    // that a session of the device role may last
	ScanLimit         int64  // of a query, in bytes
	IteratorAgeMillis int    // that alarm
	LagSeconds        int    // likewise
	Years             string // that the table projects partitions for, as "first,last"
	DataFiles         string // pattern of the keys of the table's files
	DeadLetterFiles   string // how the keys of files of dead letters begin
}

// ValuesOf works them out.
func ValuesOf(m *model.Model) Values {
	first, last := m.Years()
	return Values{
		// A role's is at least an hour: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
		SessionSeconds:    max(3600, m.Devices.CredentialSeconds),
		ScanLimit:         int64(m.Athena.ScanLimitGiB) << 30,
		IteratorAgeMillis: m.Alarms.IteratorAgeMinutes * 60_000,
		LagSeconds:        m.Alarms.IteratorAgeMinutes * 60,
		Years:             fmt.Sprintf("%d,%d", first, last),
		DataFiles:         dataFiles(m),
		DeadLetterFiles:   model.DeadLetters + m.Table() + "/year",
	}
}

// view is what the templates see: the model, and what follows from it.
type view struct {
	*model.Model
	Names    Names
	Values   Values
	Tags     string // of every resource that takes tags
	policies map[string]Document

	DataPrefix, Iceberg, DeadLettersPrefix, Replay, Checkpoints, Ledger, QueryResults, Scripts string
}

func viewOf(m *model.Model) view {
	return view{
		Model: m, Names: NamesOf(m), Values: ValuesOf(m), policies: Policies(m),
		Tags: "[{Key: Project, Value: " + quote(m.Project) + "}]",

		DataPrefix: DataPrefix(m), Iceberg: model.Iceberg, DeadLettersPrefix: model.DeadLetters, Replay: model.Replay,
		Checkpoints: model.Checkpoints, Ledger: model.Ledger, QueryResults: model.QueryResults, Scripts: model.Scripts,
	}
}

func (v view) policy(name string, indent int) (string, error) {
	d, ok := v.policies[name]
	if !ok {
		return "", fmt.Errorf("no policy %s", name)
	}
	return d.yaml(indent), nil
}

func (v view) dashboard(indent int) (string, error) {
	body, err := Dashboard(v.Model)
	space := strings.Repeat(" ", indent)
	return space + strings.ReplaceAll(body, "\n", "\n"+space), err
}
