package stack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

// models are what the tests render: the defaults, everything that can be on, and
// everything that can be off.
func models(t *testing.T) map[string]*model.Model {
	out := map[string]*model.Model{}
	for _, name := range []string{"defaults", "full", "least"} {
		out[name] = base(t)
	}
	m := out["full"]
	m.Stream.Mode, m.Stream.Shards, m.Stream.EnhancedMonitoring = "provisioned", 4, true
	m.Stream.RetentionHours, m.Stream.MaxRecordKiB = 168, 10240
	m.Devices.CredentialSeconds = 43200
	m.Job.Sink, m.Job.GlueVersion, m.Job.WorkerType, m.Job.MaxWorkers = "iceberg", "5.1", "G.2X", 10
	m.Lake.Bucket, m.Lake.ExpireDays = "acme-telemetry", 400
	m.Alarms.Email = "ops+alerts@example.com"
	m.Lambda = model.Lambda{Enabled: true, MemoryMB: 512}
	m = out["least"]
	m.Lake.InfrequentAccessDays, m.Lake.ArchiveDays = 0, 0
	return out
}

func base(t *testing.T) *model.Model {
	s, err := record.NewSchema("env", 1,
		record.Field{Name: "temperature", Kind: record.Float, Unit: "Cel", Doc: `"outside", in the shade: 1.5 m`},
		record.Field{Name: "motion", Kind: record.Bool},
	)
	require.NoError(t, err)
	return &model.Model{
		Options: model.Options{
			Project: "my-project",
			Stream:  model.Stream{Name: "my-project", Mode: "on-demand", Shards: 1, RetentionHours: 24, MaxRecordKiB: 1024},
			Devices: model.Devices{CredentialSeconds: 3600},
			Job: model.Job{
				GlueVersion: "6.0", WorkerType: "G.1X", MaxWorkers: 2, WindowSeconds: 60,
				TimeoutMinutes: 10079, MaintenanceWindow: "Sun:02", Sink: "parquet",
			},
			Lake:   model.Lake{InfrequentAccessDays: 30, ArchiveDays: 180, DeadLetterDays: 365, LogDays: 90},
			Athena: model.Athena{ScanLimitGiB: 10},
			Alarms: model.Alarms{IteratorAgeMinutes: 15, DeadLetters: 1},
			Lambda: model.Lambda{MemoryMB: 256},
		},
		Versions: []*record.Schema{s},
		Columns: []model.Column{
			{Name: "device_id", Type: "string"},
			{Name: "ts", Type: "timestamp", Doc: "UTC"},
			{Name: "meta", Type: "map<string,string>"},
			{Name: "temperature", Type: "double", Field: "temperature", Unit: "Cel", Doc: `"outside", in the shade: 1.5 m`},
			{Name: "motion", Type: "boolean", Field: "motion"},
		},
	}
}
