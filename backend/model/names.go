package model

import "strings"

// Prefixes of the lake's bucket. None is inside of another: a lifecycle rule, a
// permission or a table for one never meets what is below another.
const (
	Curated      = "curated/"       // curated/TABLE/year=2026/month=11/day=25/batch=…/*.parquet
	Iceberg      = "iceberg/"       // IcebergTable, if the sink is iceberg, else iceberg/TABLE_compact/, of compaction
	DeadLetters  = "dead-letters/"  // dead-letters/TABLE/year=…/month=…/day=…/batch=…/*.json.gz, by arrival
	Replay       = "replay/"        // dead letters copied to replay/TABLE/ are processed once more
	Checkpoints  = "checkpoints/"   // checkpoints/TABLE/: how far the stream was read
	Ledger       = "ledger/"        // ledger/TABLE/: which batches are stored, and which record ids
	RegistryPath = "registry/"      // RegistryFile
	Scripts      = "scripts/"       // scripts/JOB.py
	QueryResults = "query-results/" // of Athena
)

// RegistryFile is the list of devices, of which [Options].Registry has the columns.
const RegistryFile = RegistryPath + "devices.csv"

// Prefixes returns all of them.
func Prefixes() []string {
	return []string{Curated, Iceberg, DeadLetters, Replay, Checkpoints, Ledger, RegistryPath, Scripts, QueryResults}
}

// Table returns the name of the table in the Glue Data Catalog, such as "env".
func (m *Model) Table() string { return identifier(m.Newest().Name()) }

// Database returns the name of its database, such as "my_project".
func (m *Model) Database() string { return identifier(m.Project) }

// IcebergTable returns where the table is if the sink is iceberg, in data/ and metadata/.
// The job leaves it to Iceberg's Glue catalog, which puts a table of a database that has
// no location of its own there:
// https://github.com/apache/iceberg/blob/main/aws/src/main/java/org/apache/iceberg/aws/glue/GlueCatalog.java
func (m *Model) IcebergTable() string { return Iceberg + m.Database() + ".db/" + m.Table() + "/" }

// JobName returns the name of the Glue job, such as "my-project-env-etl".
func (m *Model) JobName() string {
	return m.Project + "-" + strings.ReplaceAll(m.Newest().Name(), "_", "-") + "-etl"
}

// ScriptName returns the file name of the job's script, such as "env_stream_etl.py".
func (m *Model) ScriptName() string { return m.Table() + "_stream_etl.py" }

// Workgroup returns the name of the Athena workgroup.
func (m *Model) Workgroup() string { return m.Project }

// Metrics returns the CloudWatch namespace of the job's own metrics, such as
// "Rivulet/my-project". With the dimension Table = Table() it has RecordsStored,
// DuplicatesDropped, DeadLetters, ClocksCorrected, BatchSeconds and
// StreamLagSeconds, once a batch.
func (m *Model) Metrics() string { return "Rivulet/" + m.Project }

func identifier(name string) string { return strings.ReplaceAll(name, "-", "_") }
