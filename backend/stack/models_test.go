package stack

import (
	"testing"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

// models are what the tests render: the defaults, everything that can be on, and
// everything that can be off.
func models(t *testing.T) map[string]*model.Model {
	return map[string]*model.Model{
		"defaults": backendtest.Model(t),
		"full": backendtest.Model(t, func(o *model.Options) {
			o.Stream = model.Stream{Mode: "provisioned", Shards: 4, EnhancedMonitoring: true, RetentionHours: 168, MaxRecordKiB: 10240}
			o.Devices.CredentialSeconds = 43200
			o.Job = model.Job{Sink: "iceberg", GlueVersion: "5.1", WorkerType: "G.2X", MaxWorkers: 10}
			o.Lake = model.Lake{Bucket: "acme-telemetry"}
			o.Alarms.Email = "ops+alerts@example.com"
			o.Lambda.Enabled = true
		}),
		"least": backendtest.Model(t, func(o *model.Options) {
			o.Lake.InfrequentAccessDays, o.Lake.ArchiveDays = -1, -1
		}),
		"expiring": backendtest.Model(t, func(o *model.Options) {
			o.Lake = model.Lake{InfrequentAccessDays: -1, ArchiveDays: 7, ExpireDays: 90}
		}),
	}
}
