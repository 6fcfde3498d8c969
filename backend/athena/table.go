package athena

import (
	"strings"

	"github.com/rivulet-iot/rivulet/backend/model"
)

// The years that the table projects. Queries outside of them find nothing, and
// queries that name no year look into all of them. An integer projection has no
// "now": https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
const years = "2025,2050"

// maxComment is the longest comment of a column in the Glue Data Catalog, in bytes:
// https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
const maxComment = 255

// PartitionKeys returns the columns that the table is partitioned by. Their paths
// have leading zeros: year=2026/month=01/day=05.
func PartitionKeys() []model.Column {
	return []model.Column{
		{Name: "year", Type: "int", Doc: "of ts, in UTC"},
		{Name: "month", Type: "int", Doc: "of ts, in UTC"},
		{Name: "day", Type: "int", Doc: "of ts, in UTC"},
	}
}

// Projection returns the properties by which Athena computes the partitions of a
// Parquet table instead of looking them up, so that new days are there at once. The
// locations are those that Athena takes by default: column=value below the table's.
func Projection(*model.Model) map[string]string {
	return map[string]string{
		"projection.enabled":      "true",
		"projection.year.type":    "integer",
		"projection.year.range":   years,
		"projection.year.digits":  "4",
		"projection.month.type":   "integer",
		"projection.month.range":  "1,12",
		"projection.month.digits": "2",
		"projection.day.type":     "integer",
		"projection.day.range":    "1,31",
		"projection.day.digits":   "2",
	}
}

// Bucket returns the name of the lake's bucket or, if it is only known when it is
// deployed, what has to be replaced by it.
func Bucket(m *model.Model) string {
	if m.Lake.Bucket != "" {
		return m.Lake.Bucket
	}
	return m.Project + "-lake-ACCOUNT-REGION"
}

// Comment returns a column's comment as the Data Catalog and a DDL statement take it:
// one line of at most 255 bytes without quotes, backslashes or semicolons.
func Comment(c model.Column) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '"' || r == '`':
			return '’'
		case r == '\\':
			return '/'
		case r == ';':
			return ','
		case r < ' ' || r == 0x7f:
			return ' '
		}
		return r
	}, c.Doc)
	for len(text) > maxComment {
		text = strings.ToValidUTF8(text[:maxComment], "")
	}
	return text
}
