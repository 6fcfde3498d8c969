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

// How far back, today included, the views look that need a bound of their own, in days.
const (
	recentDays = 7
	hourlyDays = 31 // of an Iceberg table
)

//go:embed *.sql.tmpl
var sources embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ddl": ddl, "sql": quoted, "numeric": numeric, "join": join, "plain": plain,
}).ParseFS(sources, "*.sql.tmpl"))

// Files returns table.sql, views.sql and compaction.sql.
func Files(m *model.Model) (map[string][]byte, error) {
	data := view{Model: m, Bucket: Bucket(m), Keys: PartitionKeys(), Properties: properties(m), RecentDays: recentDays}
	data.All = append(slices.Clone(m.Columns), data.Keys...)
	isNamed := func(c model.Column) bool { return c.Name == data.Newest }
	for data.Newest = "newest"; slices.ContainsFunc(data.All, isNamed); {
		data.Newest += "_"
	}
	if data.Iceberg = m.Job.Sink == "iceberg"; data.Iceberg {
		data.Seen, data.Recent, data.HourlyDays = m.Columns, since(recentDays), hourlyDays
		data.HourlyBound = since(hourlyDays)
	} else {
		data.Seen, data.Recent = data.All, recent((m.Records.MaxAheadMinutes+24*60-1)/(24*60))
	}
	out := map[string][]byte{}
	for file, source := range map[string]string{
		"table.sql": "table", "views.sql": "views", "compaction.sql": "compaction",
	} {
		if data.Iceberg && source != "views" {
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
	Iceberg    bool
	Bucket     string
	Keys, All  []model.Column // of the partitions, and all with these last
	Seen       []model.Column // that the table has for queries: All, or without Keys
	Properties []string       // of the table, as 'key' = 'value'
	Newest     string         // a name that no column has

	RecentDays, HourlyDays int
	Recent, HourlyBound    string // conditions
}

func properties(m *model.Model) (out []string) {
	p := Projection(m)
	p["classification"] = "parquet"
	for _, key := range slices.Sorted(maps.Keys(p)) {
		out = append(out, fmt.Sprintf("'%s' = '%s'", key, p[key]))
	}
	return out
}

// recent is the condition on the partition columns that a record is of today or the days
// before: ahead is by how many days a device's clock may be. Each day is compared with
// what is the same for all rows, which is all that Athena needs to leave other days alone.
func recent(ahead int) string {
	var days []string
	for d := ahead; d > -recentDays; d-- {
		date := "current_date"
		switch {
		case d > 0:
			date = fmt.Sprintf("current_date + interval '%d' day", d)
		case d < 0:
			date = fmt.Sprintf("current_date - interval '%d' day", -d)
		}
		days = append(days, fmt.Sprintf(`("year" = year(%s) AND "month" = month(%s) AND "day" = day(%s))`, date, date, date))
	}
	return strings.Join(days, "\n    OR ")
}

// since is the same for an Iceberg table, whose partitions are the days of ts.
func since(days int) string {
	return fmt.Sprintf(`"ts" >= current_timestamp - interval '%d' day`, days)
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

// plain writes columns one after the other, times without their zone, which is UTC: a
// table or view made by Athena cannot have a column with one, and Spark's Iceberg tables do
// (https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-supported-data-types.html).
func plain(columns []model.Column) string {
	var out []string
	for _, c := range columns {
		name := quoted(c.Name)
		if c.Type == "timestamp" {
			name = "CAST(" + name + " AS timestamp(6)) AS " + name
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}
