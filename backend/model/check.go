package model

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fill gives what is left out its default.
func (m *Model) fill() {
	text := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	number := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	text(&m.Stream.Name, m.Project)
	text(&m.Stream.Mode, "on-demand")
	if m.Stream.Mode == "provisioned" {
		number(&m.Stream.Shards, 1)
	}
	number(&m.Stream.RetentionHours, 24)
	number(&m.Stream.MaxRecordKiB, 1024)
	number(&m.Devices.CredentialSeconds, 3600)
	text(&m.Records.WithoutSchema, "accept")
	text(&m.Records.UnknownFields, "keep")
	number(&m.Records.MaxAgeDays, 90)
	number(&m.Records.MaxAheadMinutes, 60)
	number(&m.Records.DedupDays, 90)
	text(&m.Job.GlueVersion, "6.0")
	if !strings.Contains(m.Job.GlueVersion, ".") {
		m.Job.GlueVersion += ".0" // 6.0 without quotes is the number 6 to YAML
	}
	text(&m.Job.WorkerType, "G.1X")
	number(&m.Job.MaxWorkers, 2)
	number(&m.Job.WindowSeconds, 60)
	number(&m.Job.TimeoutMinutes, 10079)
	text(&m.Job.MaintenanceWindow, "Sun:02")
	text(&m.Job.Sink, "parquet")
	number(&m.Lake.InfrequentAccessDays, 30)
	number(&m.Lake.ArchiveDays, 180)
	number(&m.Lake.ExpireDays, never)
	number(&m.Lake.DeadLetterDays, 365)
	number(&m.Lake.LogDays, 90)
	number(&m.Athena.ScanLimitGiB, 10)
	number(&m.Alarms.IteratorAgeMinutes, 15)
	number(&m.Alarms.DeadLetters, 1)
	number(&m.Lambda.MemoryMB, 256)
}

const (
	never   = -1    // of days, in an options file
	century = 36500 // more days than anybody waits
)

// logDays are the retentions that CloudWatch Logs has.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var (
	projectName = regexp.MustCompile(`^[a-z]([a-z0-9]|-[a-z0-9]){1,23}$`) // and 3 to 24 characters
	streamName  = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	bucketTaken = regexp.MustCompile(`^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|--x-s3|--table-s3)$`)
	columnName  = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,63}$`)
	weeklyHour  = regexp.MustCompile(`^(Sun|Mon|Tue|Wed|Thu|Fri|Sat):([01]?[0-9]|2[0-3])$`)
)

// check looks at every option by itself.
func (m *Model) check(bad *Error) {
	number := func(field string, n, least, most int) {
		if !between(n, least, most) {
			bad.add(field, strconv.Itoa(n), fmt.Sprintf("is %d to %d", least, most))
		}
	}
	oneOf := func(field, value string, of ...string) {
		if !slices.Contains(of, value) {
			bad.add(field, strconv.Quote(value), "is one of "+strings.Join(of, ", "))
		}
	}
	form := func(field, value string, ok bool, problem string) {
		if !ok {
			bad.add(field, strconv.Quote(value), problem)
		}
	}
	form("project", m.Project, projectName.MatchString(m.Project) && between(len(m.Project), 3, 24) && !bucketTaken.MatchString(m.Project),
		"is 3 to 24 of a-z, 0-9 and -, begins with a letter, and has no hyphen at the end or twice in a row; sthree- and amzn-s3-demo- are taken")
	form("project", m.Project, m.Project != "default" && m.Project != "primary", "is the name of a Glue database or an Athena workgroup that every account has")
	form("stream.name", m.Stream.Name, m.Stream.Name == m.Project || streamName.MatchString(m.Stream.Name), "is 1 to 128 of a-z, A-Z, 0-9, _, . and -")
	oneOf("stream.mode", m.Stream.Mode, "on-demand", "provisioned")
	switch {
	case m.Stream.Mode == "provisioned":
		number("stream.shards", m.Stream.Shards, 1, 10_000)
	case m.Stream.Shards != 0:
		bad.add("stream.shards", strconv.Itoa(m.Stream.Shards), "is for provisioned streams; leave it out, or set stream.mode")
	}
	number("stream.retention_hours", m.Stream.RetentionHours, 24, 8760)
	number("stream.max_record_kib", m.Stream.MaxRecordKiB, 1024, 10_240)
	number("devices.credential_seconds", m.Devices.CredentialSeconds, 900, 43_200)
	oneOf("records.without_schema", m.Records.WithoutSchema, "accept", "reject")
	oneOf("records.unknown_fields", m.Records.UnknownFields, "keep", "drop", "reject")
	number("records.max_age_days", m.Records.MaxAgeDays, 1, century)
	number("records.max_ahead_minutes", m.Records.MaxAheadMinutes, 1, 525_600)
	number("records.dedup_days", m.Records.DedupDays, 1, 3650)
	oneOf("job.glue_version", m.Job.GlueVersion, "6.0", "5.1")
	oneOf("job.worker_type", m.Job.WorkerType, "G.025X", "G.1X", "G.2X", "G.4X", "G.8X")
	workers := 299
	if m.Job.WorkerType == "G.2X" {
		workers = 149
	}
	number("job.max_workers", m.Job.MaxWorkers, 2, workers)
	number("job.window_seconds", m.Job.WindowSeconds, 60, 100)
	number("job.timeout_minutes", m.Job.TimeoutMinutes, 1, 10_079)
	form("job.maintenance_window", m.Job.MaintenanceWindow, weeklyHour.MatchString(m.Job.MaintenanceWindow),
		"is a day and an hour in UTC, such as Sun:02: Sun, Mon, Tue, Wed, Thu, Fri or Sat, and 0 to 23")
	oneOf("job.sink", m.Job.Sink, "parquet", "iceberg")
	form("lake.bucket", m.Lake.Bucket, m.Lake.Bucket == "" || bucketName.MatchString(m.Lake.Bucket) && !bucketTaken.MatchString(m.Lake.Bucket),
		"is 3 to 63 of a-z, 0-9 and -, with none of the beginnings and ends that S3 keeps for itself")
	number("lake.dead_letter_days", m.Lake.DeadLetterDays, 1, century)
	form("lake.log_days", strconv.Itoa(m.Lake.LogDays), slices.Contains(logDays, m.Lake.LogDays),
		"is one of "+strings.Trim(fmt.Sprint(logDays), "[]"))
	number("athena.scan_limit_gib", m.Athena.ScanLimitGiB, 1, 10_240)
	if address, err := mail.ParseAddress(m.Alarms.Email); m.Alarms.Email != "" && (err != nil || address.Address != m.Alarms.Email) {
		bad.add("alarms.email", strconv.Quote(m.Alarms.Email), "is no e-mail address, such as ops@example.com")
	}
	number("alarms.iterator_age_minutes", m.Alarms.IteratorAgeMinutes, 1, 1440)
	number("alarms.dead_letters", m.Alarms.DeadLetters, 1, 1_000_000)
	number("lambda.memory_mb", m.Lambda.MemoryMB, 128, 10_240)
	m.checkLifecycle(bad)
}

// checkLifecycle holds the lake's days to S3's rules: 30 days in Standard before
// Standard-IA, 30 there before Glacier, and deletion after all.
func (m *Model) checkLifecycle(bad *Error) {
	l := m.Lake
	if m.Job.Sink == "iceberg" && l.ExpireDays != never {
		bad.add("lake.expire_days", strconv.Itoa(l.ExpireDays),
			"is for the sink parquet: S3 would delete files that an Iceberg table still names; leave it out, and DELETE old records in Athena")
		return
	}
	days := func(field string, n, least int, why string) {
		if n != never && !between(n, least, century) {
			bad.add("lake."+field, strconv.Itoa(n), fmt.Sprintf("is %d to %d%s, or -1 for never", least, century, why))
		}
	}
	days("infrequent_access_days", l.InfrequentAccessDays, 30, "")
	archive, why := 1, ""
	if l.InfrequentAccessDays > 0 {
		archive, why = l.InfrequentAccessDays+30, ", 30 more than infrequent_access_days"
	}
	days("archive_days", l.ArchiveDays, archive, why)
	expire := max(l.InfrequentAccessDays, l.ArchiveDays, 0) + 1
	why = ""
	if expire > 1 {
		why = ", more than infrequent_access_days and archive_days"
	}
	days("expire_days", l.ExpireDays, expire, why)
}

func between(n, least, most int) bool { return least <= n && n <= most }
