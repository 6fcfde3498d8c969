package terraform

import (
	"fmt"
	"strings"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
)

// view is what the templates see: the model, and what follows from it.
type view struct {
	*model.Model
	Names     stack.Names
	Values    stack.Values
	policies  map[string]stack.Document
	Lifecycle []rule // of what is below the prefixes of the lake's bucket

	DataPrefix, DeadLetters, QueryResults, Scripts string
}

// rule is one of a bucket's lifecycle.
type rule struct {
	ID, Prefix         string
	Transitions        []transition
	Expire, Noncurrent int // days
}

type transition struct {
	Days  int
	Class string
}

func viewOf(m *model.Model) view {
	v := view{
		Model: m, Names: stack.NamesOf(m), Values: stack.ValuesOf(m), policies: stack.Policies(m),

		DataPrefix: stack.DataPrefix(m), DeadLetters: model.DeadLetters,
		QueryResults: model.QueryResults, Scripts: model.Scripts,
	}
	data := rule{ID: "data", Prefix: v.DataPrefix, Expire: m.Lake.ExpireDays, Noncurrent: 30}
	if days := m.Lake.InfrequentAccessDays; days > 0 {
		data.Transitions = append(data.Transitions, transition{days, "STANDARD_IA"})
	}
	if days := m.Lake.ArchiveDays; days > 0 {
		data.Transitions = append(data.Transitions, transition{days, "GLACIER_IR"})
	}
	v.Lifecycle = []rule{data}
	if m.Job.Sink != "iceberg" { // the table of compaction: what it needs no more, VACUUM removes
		v.Lifecycle = append(v.Lifecycle, rule{ID: "compacted", Prefix: model.Iceberg, Noncurrent: 30})
	}
	v.Lifecycle = append(v.Lifecycle, []rule{
		{ID: "dead-letters", Prefix: model.DeadLetters, Expire: m.Lake.DeadLetterDays, Noncurrent: 30},
		{ID: "replay", Prefix: model.Replay, Expire: 7, Noncurrent: 1},
		{ID: "checkpoints", Prefix: model.Checkpoints, Noncurrent: 3},
		{ID: "ledger", Prefix: model.Ledger, Noncurrent: 3},
		{ID: "query-results", Prefix: model.QueryResults, Expire: 30, Noncurrent: 1},
	}...)
	return v
}

func (v view) policy(indent int, name string) (string, error) {
	d, ok := v.policies[name]
	if !ok {
		return "", fmt.Errorf("no policy %s", name)
	}
	return policy(indent, d), nil
}

// dashboard writes the body as a heredoc has it, indented.
func (v view) dashboard(indent int) (string, error) {
	body, err := stack.Dashboard(v.Model)
	space := strings.Repeat(" ", indent)
	return space + strings.ReplaceAll(placeholders.Replace(body), "\n", "\n"+space), err
}
