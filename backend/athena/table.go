package athena

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/backend/model"
)

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
func Projection(m *model.Model) map[string]string {
	first, last := m.Years()
	return map[string]string{
		"projection.enabled":      "true",
		"projection.year.type":    "integer",
		"projection.year.range":   fmt.Sprintf("%d,%d", first, last),
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
