package athena

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

var update = flag.Bool("update", false, "write testdata afresh")

// env is a model with a column of every kind, names that are keywords, and text that
// would end a string.
func env(t testing.TB, sink string) *model.Model {
	schema, err := record.NewSchema("env-room", 1, record.Field{Name: "temperature", Kind: record.Float})
	require.NoError(t, err)
	m := &model.Model{Versions: []*record.Schema{schema}, Columns: []model.Column{
		{Name: "device_id", Type: "string"},
		{Name: "boot", Type: "string"},
		{Name: "seq", Type: "bigint"},
		{Name: "ts", Type: "timestamp", Doc: "UTC"},
		{Name: "meta", Type: "map<string,string>"},
		{Name: "temperature", Type: "double", Field: "temperature", Unit: "K", Doc: "the room's; measured, in K"},
		{Name: "order", Type: "bigint", Field: "order"},
		{Name: "motion", Type: "boolean", Field: "motion"},
		{Name: "state", Type: "string", Field: "state"},
		{Name: "newest", Type: "string", Field: "newest"},
		{Name: "site", Type: "string"},
		{Name: "sequence_number", Type: "string"},
	}}
	m.Project = "my-project"
	m.Records.MaxAgeDays, m.Records.MaxAheadMinutes = 90, 60
	m.Job.Sink = sink
	return m
}

func TestFilesAreAsTheyWere(t *testing.T) {
	for _, sink := range []string{"parquet", "iceberg"} {
		files, err := Files(env(t, sink))
		require.NoError(t, err)
		require.Len(t, files, 3)
		for name, text := range files {
			golden := filepath.Join("testdata", sink, name)
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, text, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(text), "%s; go test ./backend/athena -update writes it afresh", golden)
		}
	}
}

func TestStatementsCanBeCutApart(t *testing.T) {
	starts := regexp.MustCompile(`(?m)^(CREATE|INSERT|SELECT|DESCRIBE|OPTIMIZE|VACUUM) `)
	for _, sink := range []string{"parquet", "iceberg"} {
		files, err := Files(env(t, sink))
		require.NoError(t, err)
		for name, text := range files {
			statements := strings.Split(string(text), ";")
			require.Empty(t, strings.TrimSpace(statements[len(statements)-1]), name)
			for _, s := range statements[:len(statements)-1] {
				require.Len(t, starts.FindAllString(regexp.MustCompile(`(?m)^ .*$`).ReplaceAllString(s, ""), 1), 1, "%s: %s", name, s)
				require.Zero(t, strings.Count(s, "'")%2-strings.Count(comments(s), "'")%2, "%s: %s", name, s)
			}
		}
	}
}

// comments returns the comments of a statement.
func comments(s string) string {
	return strings.Join(regexp.MustCompile(`(?m)^--.*$`).FindAllString(s, -1), "\n")
}

func TestBucketOfTheOptions(t *testing.T) {
	m := env(t, "parquet")
	m.Lake.Bucket = "the-lake"
	files, err := Files(m)
	require.NoError(t, err)
	require.Contains(t, string(files["table.sql"]), "LOCATION 's3://the-lake/curated/env_room/'")
	require.NotContains(t, string(files["table.sql"]), "Replace")
}

func TestExpiry(t *testing.T) {
	m := env(t, "parquet")
	m.Lake.ExpireDays = 400
	files, err := Files(m)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(files["compaction.sql"]), `
DELETE FROM "my_project"."env_room_compact" WHERE "ts" < CAST(current_timestamp AS timestamp(6)) - interval '400' day;
`))
}

func TestClocksThatAreDaysAhead(t *testing.T) {
	m := env(t, "parquet")
	m.Records.MaxAheadMinutes = 24*60 + 1
	files, err := Files(m)
	require.NoError(t, err)
	require.Contains(t, string(files["views.sql"]), "year(current_date + interval '2' day)")
	require.NotContains(t, string(files["views.sql"]), "interval '3' day) AND \"day\" = day(current_date +")
}

func TestProjectionIsOfThePartitionKeys(t *testing.T) {
	p := Projection(env(t, "parquet"))
	require.Equal(t, "true", p["projection.enabled"])
	for _, key := range PartitionKeys() {
		require.Equal(t, "integer", p["projection."+key.Name+".type"])
		require.Regexp(t, `^\d+,\d+$`, p["projection."+key.Name+".range"])
		require.Regexp(t, `^[24]$`, p["projection."+key.Name+".digits"])
	}
	require.Len(t, p, 1+3*len(PartitionKeys()))
}
