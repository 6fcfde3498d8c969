package model

// Options is the options file of the backend: YAML, or JSON, which is YAML too.
// A field that is left out, or 0, has the default that its comment gives; [New]
// fills it in. Every name of a resource derives from Project, Stream.Name and the
// schema's name.
type Options struct {
	Project string   `yaml:"project"` // begins the name of every resource: 3 to 24 of a-z, 0-9 and -
	Schemas []string `yaml:"schemas"` // schema documents, all versions of one schema; paths relative to the options file
	// Stream and those below are the parts of the backend.
	Stream   Stream   `yaml:"stream"`
	Devices  Devices  `yaml:"devices"`
	Records  Records  `yaml:"records"`
	Registry Registry `yaml:"registry"`
	Job      Job      `yaml:"job"`
	Lake     Lake     `yaml:"lake"`
	Athena   Athena   `yaml:"athena"`
	Alarms   Alarms   `yaml:"alarms"`
	Lambda   Lambda   `yaml:"lambda"`
}

// Stream is the Kinesis data stream. Limits:
// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html and
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
type Stream struct {
	Name               string `yaml:"name"`                // 1 to 128 of a-z, A-Z, 0-9, _, . and -; default: the project's name
	Mode               string `yaml:"mode"`                // "on-demand" or "provisioned"; default: on-demand
	Shards             int    `yaml:"shards"`              // of a provisioned stream: 1 to 10,000; default: 1
	RetentionHours     int    `yaml:"retention_hours"`     // 24 to 8760; default: 24
	MaxRecordKiB       int    `yaml:"max_record_kib"`      // 1024 to 10240; default: 1024
	EnhancedMonitoring bool   `yaml:"enhanced_monitoring"` // metrics for each shard, which cost extra
}

// Devices is how devices come to credentials: AWS IoT's credential provider. Limits:
// https://docs.aws.amazon.com/iot/latest/apireference/API_CreateRoleAlias.html
type Devices struct {
	CredentialSeconds int `yaml:"credential_seconds"` // life of a device's credentials: 900 to 43200; default: 3600
}

// Records is how records are held to the schema.
type Records struct {
	// WithoutSchema is what becomes of records that name no schema: "accept" holds
	// them to the newest version, "reject" makes them dead letters. Default: accept.
	WithoutSchema string `yaml:"without_schema"`
	// UnknownFields is what becomes of readings that the schema does not have: "keep"
	// stores them as text in the column extra, "drop" drops them, "reject" makes
	// the record a dead letter. Default: keep.
	UnknownFields string `yaml:"unknown_fields"`
	// A record whose time is more than MaxAgeDays before its arrival (1 to 36500;
	// default: 90), or more than MaxAheadMinutes after it (1 to 525600; default: 60),
	// was made by a device whose clock was wrong: it gets the time of its arrival, and
	// ts_source says so.
	MaxAgeDays      int `yaml:"max_age_days"`
	MaxAheadMinutes int `yaml:"max_ahead_minutes"`
	// Units converts readings: field name to the unit that the table has it in.
	Units map[string]string `yaml:"units"`
	// DedupDays is for how long the ids of a (device, boot) that says nothing more are
	// remembered: 1 to 3650; default: 90.
	DedupDays int `yaml:"dedup_days"`
}

// Registry is the list of devices, registry/devices.csv in the lake's bucket.
type Registry struct {
	Columns []string `yaml:"columns"` // columns of the file that the table gets, besides device_id; default: none
}

// Job is the AWS Glue streaming job. Limits:
// https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html (worker types,
// timeout), https://docs.aws.amazon.com/glue/latest/dg/add-job.html (workers),
// https://docs.aws.amazon.com/glue/latest/dg/glue-streaming-maintenance.html
type Job struct {
	GlueVersion       string `yaml:"glue_version"`       // "6.0" (Spark 4.1) or "5.1" (Spark 3.5); default: 6.0
	WorkerType        string `yaml:"worker_type"`        // G.025X (for little data), G.1X, G.2X, G.4X or G.8X; default: G.1X
	MaxWorkers        int    `yaml:"max_workers"`        // 2 to 299 (G.2X: 149), scaled to automatically; default: 2
	WindowSeconds     int    `yaml:"window_seconds"`     // 60 to 100; default: 60
	TimeoutMinutes    int    `yaml:"timeout_minutes"`    // 1 to 10079, under 7 days; default: 10079. It is started again
	MaintenanceWindow string `yaml:"maintenance_window"` // "Sun:02": when Glue may restart a run of over 7 days, day and hour in UTC; default: Sun:02
	Sink              string `yaml:"sink"`               // "parquet" or "iceberg"; default: parquet
}

// Lake is the bucket with the tables. In a [Model], 0 days is never. Limits:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
type Lake struct {
	Bucket               string `yaml:"bucket"`                 // default: PROJECT-lake-ACCOUNT-REGION, set when it is deployed
	InfrequentAccessDays int    `yaml:"infrequent_access_days"` // after which data goes to Standard-IA: 30 or more; -1: never; default: 30
	ArchiveDays          int    `yaml:"archive_days"`           // after which it goes to Glacier Instant Retrieval, 30 more at least; -1: never; default: 180
	ExpireDays           int    `yaml:"expire_days"`            // after which it is deleted, more than these; not for the sink iceberg; default: -1, never
	DeadLetterDays       int    `yaml:"dead_letter_days"`       // after which dead letters are deleted: 1 to 36500; default: 365
	LogDays              int    `yaml:"log_days"`               // retention of logs, one that CloudWatch Logs has; default: 90
}

// Athena is the query side. Limits:
// https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
type Athena struct {
	ScanLimitGiB int `yaml:"scan_limit_gib"` // the most a query may read; 1 to 10,240; default: 10
}

// Alarms is who is told, and when.
type Alarms struct {
	Email              string `yaml:"email"`                // subscribed to the topic; default: nobody, subscribe by hand
	IteratorAgeMinutes int    `yaml:"iterator_age_minutes"` // how far reading may lag behind writing: 1 to 1440; default: 15
	DeadLetters        int    `yaml:"dead_letters"`         // dead letters in 5 minutes that are too many: 1 or more; default: 1
}

// Lambda is an optional second consumer, driven by events. Limits:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
type Lambda struct {
	Enabled  bool `yaml:"enabled"`   // default: false
	MemoryMB int  `yaml:"memory_mb"` // 128 to 10240; default: 256
}
