package athena

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/rivulet-iot/rivulet/backend/model"
)

// recentDays is how far back, today included, the views look that need a bound of
// their own.
const recentDays = 7

//go:embed *.sql.tmpl
var sources embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"comment": Comment, "ddl": ddl, "sql": quoted, "day": day, "numeric": numeric, "join": join,
}).ParseFS(sources, "*.sql.tmpl"))

// Files returns table.sql, views.sql and compaction.sql.
func Files(m *model.Model) (map[string][]byte, error) {
	data := view{
		Model: m, Bucket: Bucket(m), Keys: PartitionKeys(), Properties: properties(m),
		Recent: recent((m.Records.MaxAheadMinutes + 24*60 - 1) / (24 * 60)), RecentDays: recentDays,
	}
	data.All = append(slices.Clone(m.Columns), data.Keys...)
	isNamed := func(c model.Column) bool { return c.Name == data.Newest }
	for data.Newest = "newest"; slices.ContainsFunc(data.All, isNamed); {
		data.Newest += "_"
	}
	out := map[string][]byte{}
	for file, source := range map[string]string{
		"table.sql": "table", "views.sql": "views", "compaction.sql": "compaction",
	} {
		if m.Job.Sink == "iceberg" && source != "views" {
			source += "_iceberg"
		}
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, source+".sql.tmpl", data); err != nil {
			return nil, fmt.Errorf("athena: %s: %w", file, err)
		}
		out[file] = b.Bytes()
	}
	return out, nil
}

// A view is what the templates see.
type view struct {
	*model.Model
	Bucket     string
	Keys, All  []model.Column // of the partitions, and all with these last
	Properties []string       // of the table, as 'key' = 'value'
	Recent     []string       // dates, as SQL
	RecentDays int
	Newest     string // a name that no column has
}

func properties(m *model.Model) (out []string) {
	p := Projection(m)
	p["classification"] = "parquet"
	for _, key := range slices.Sorted(maps.Keys(p)) {
		out = append(out, fmt.Sprintf("'%s' = '%s'", key, p[key]))
	}
	return out
}

// recent returns the days that records of today and the days before may be in: ahead
// is by how many days a device's clock may be.
func recent(ahead int) (out []string) {
	for d := ahead; d > -recentDays; d-- {
		switch {
		case d > 0:
			out = append(out, fmt.Sprintf("current_date + interval '%d' day", d))
		case d == 0:
			out = append(out, "current_date")
		default:
			out = append(out, fmt.Sprintf("current_date - interval '%d' day", -d))
		}
	}
	return out
}

// day is the condition on the partition columns that date is their day.
func day(date string) string {
	return fmt.Sprintf(`("year" = year(%s) AND "month" = month(%s) AND "day" = day(%s))`, date, date, date)
}

// ddl quotes a name for a DDL statement, quoted for a query. Names have only a-z,
// 0-9 and _, but may be keywords.
func ddl(name string) string { return "`" + name + "`" }

func quoted(name string) string { return `"` + name + `"` }

func numeric(c model.Column) bool { return c.Type == "double" || c.Type == "bigint" }

// join writes columns one after the other, each in the format, where %s is its
// quoted name.
func join(columns []model.Column, format string) string {
	var out []string
	for _, c := range columns {
		out = append(out, strings.ReplaceAll(format, "%s", quoted(c.Name)))
	}
	return strings.Join(out, ", ")
}
