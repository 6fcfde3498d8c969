package model_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

func TestDefaults(t *testing.T) {
	m := backendtest.Model(t)
	want := backendtest.Options()
	want.Stream = model.Stream{Name: "my-project", Mode: "on-demand", RetentionHours: 24, MaxRecordKiB: 1024}
	want.Devices.CredentialSeconds = 3600
	want.Records.WithoutSchema, want.Records.UnknownFields = "accept", "keep"
	want.Records.MaxAgeDays, want.Records.MaxAheadMinutes, want.Records.DedupDays = 90, 60, 90
	want.Job = model.Job{GlueVersion: "6.0", WorkerType: "G.1X", MaxWorkers: 2, WindowSeconds: 60, TimeoutMinutes: 10079, MaintenanceWindow: "Sun:02", Sink: "parquet"}
	want.Lake = model.Lake{InfrequentAccessDays: 30, ArchiveDays: 180, DeadLetterDays: 365, LogDays: 90}
	want.Athena.ScanLimitGiB = 10
	want.Alarms = model.Alarms{IteratorAgeMinutes: 15, DeadLetters: 1}
	want.Lambda.MemoryMB = 256
	require.Equal(t, want, m.Options)

	m = backendtest.Model(t, func(o *model.Options) {
		o.Stream = model.Stream{Name: "Telemetry_1.x", Mode: "provisioned"}
		o.Lake.InfrequentAccessDays, o.Lake.ArchiveDays, o.Lake.ExpireDays = -1, -1, -1
	})
	require.Equal(t, 1, m.Stream.Shards)
	require.Equal(t, model.Lake{DeadLetterDays: 365, LogDays: 90}, m.Lake)
}

func TestEveryOptionIsChecked(t *testing.T) {
	// For each option: values that are refused, and those at the limit that are not.
	type values struct{ bad, good []any }
	cases := map[string]values{
		"Project": {[]any{"", "ab", "Abc", "1abc", "-abc", "abc-", "a--b", "a_b", "a.b", "é-a", strings.Repeat("a", 25), "sthree-a", "amzn-s3-demo-a"},
			[]any{"abc", "a-b", "a12", strings.Repeat("a", 24)}},
		"Stream.Name":               {[]any{"a b", "é", strings.Repeat("a", 129)}, []any{"A_b.c-1", strings.Repeat("a", 128)}},
		"Stream.Mode":               {[]any{"On-Demand", "ondemand"}, []any{"on-demand", "provisioned"}},
		"Stream.Shards":             {[]any{-1, 1}, []any{0}},
		"Stream.RetentionHours":     {[]any{-1, 23, 8761}, []any{24, 8760}},
		"Stream.MaxRecordKiB":       {[]any{1023, 10241}, []any{1024, 10240}},
		"Stream.EnhancedMonitoring": {nil, []any{true, false}},
		"Devices.CredentialSeconds": {[]any{899, 43201}, []any{900, 43200}},
		"Records.WithoutSchema":     {[]any{"drop", "keep"}, []any{"accept", "reject"}},
		"Records.UnknownFields":     {[]any{"accept"}, []any{"keep", "drop", "reject"}},
		"Records.MaxAgeDays":        {[]any{-1, 36501}, []any{1, 36500}},
		"Records.MaxAheadMinutes":   {[]any{-1, 525601}, []any{1, 525600}},
		"Records.Units":             {[]any{map[string]string{"temperature": "V"}, map[string]string{"temp": "K"}}, []any{map[string]string{"temperature": "K"}}},
		"Records.DedupDays":         {[]any{-1, 3651}, []any{1, 3650}},
		"Registry.Columns":          {[]any{[]string{"Site"}, []string{"a", "a"}}, []any{[]string{"a", "b"}}},
		"Job.GlueVersion":           {[]any{"5", "5.0", "6.1", "4.0"}, []any{"6", "6.0", "5.1"}},
		"Job.WorkerType":            {[]any{"G.12X", "Standard", "g.1x"}, []any{"G.025X", "G.1X", "G.2X", "G.4X", "G.8X"}},
		"Job.MaxWorkers":            {[]any{1, 300}, []any{2, 299}},
		"Job.WindowSeconds":         {[]any{59, 101}, []any{60, 100}},
		"Job.TimeoutMinutes":        {[]any{-1, 10080}, []any{1, 10079}},
		"Job.MaintenanceWindow":     {[]any{"sun:02", "Sun", "Sun:24", "Sun:2:00", "Sunday:02", "Sun:002"}, []any{"Sun:0", "Mon:00", "Sat:23"}},
		"Job.Sink":                  {[]any{"delta"}, []any{"parquet", "iceberg"}},
		"Lake.Bucket":               {[]any{"ab", "A-b", "a.b", "-ab", "ab-", "xn--a", "a-s3alias", "a--x-s3", strings.Repeat("a", 64)}, []any{"abc", strings.Repeat("a", 63)}},
		"Lake.InfrequentAccessDays": {[]any{-2, 1, 29}, []any{-1, 30, 150}},
		"Lake.ArchiveDays":          {[]any{-2, 30, 59, 36501}, []any{-1, 60, 36500}},
		"Lake.ExpireDays":           {[]any{-2, 1, 180, 36501}, []any{-1, 181, 36500}},
		"Lake.DeadLetterDays":       {[]any{-1, 36501}, []any{1, 36500}},
		"Lake.LogDays":              {[]any{-1, 2, 91, 3654}, []any{1, 3653}},
		"Athena.ScanLimitGiB":       {[]any{-1, 10241}, []any{1, 10240}},
		"Alarms.Email":              {[]any{"ops", "Ops <ops@example.com>", "a@b, c@d", "@"}, []any{"ops@example.com"}},
		"Alarms.IteratorAgeMinutes": {[]any{-1, 1441}, []any{1, 1440}},
		"Alarms.DeadLetters":        {[]any{-1, 1_000_001}, []any{1, 1_000_000}},
		"Lambda.Enabled":            {nil, []any{true, false}},
		"Lambda.MemoryMB":           {[]any{127, 10241}, []any{128, 10240}},
		"Schemas":                   {nil, []any{[]string{"x.json"}}}, // the files themselves are given to New
	}
	try := func(path string, value any) (yaml string, err error) {
		o := backendtest.Options()
		v, names := reflect.ValueOf(&o).Elem(), []string{}
		for name := range strings.SplitSeq(path, ".") {
			f, ok := v.Type().FieldByName(name)
			require.True(t, ok, path)
			names = append(names, f.Tag.Get("yaml"))
			v = v.FieldByName(name)
		}
		v.Set(reflect.ValueOf(value))
		_, err = model.New(o, backendtest.Schemas(t))
		return strings.Join(names, "."), err
	}
	for path, c := range cases {
		for _, value := range c.bad {
			yaml, err := try(path, value)
			require.Error(t, err, "%s = %v", path, value)
			var all *model.Error
			require.ErrorAs(t, err, &all)
			require.Len(t, all.Fields, 1, "%s = %v: %v", path, value, err)
			require.Contains(t, all.Fields[0].Field, yaml)
		}
		for _, value := range c.good {
			_, err := try(path, value)
			require.NoError(t, err, "%s = %v", path, value)
		}
	}
	for _, part := range reflect.VisibleFields(reflect.TypeFor[model.Options]()) {
		if part.Type.Kind() != reflect.Struct {
			require.Contains(t, cases, part.Name)
			continue
		}
		for _, field := range reflect.VisibleFields(part.Type) {
			require.Contains(t, cases, part.Name+"."+field.Name)
		}
	}
}

func TestErrorNamesEverything(t *testing.T) {
	o := backendtest.Options()
	o.Project = "My Project"
	o.Stream = model.Stream{Mode: "provisioned", Shards: 20_000, Name: "s"}
	o.Job.WorkerType, o.Job.MaxWorkers = "G.2X", 200
	o.Records.Units = map[string]string{"temperature": "V"}
	_, err := model.New(o, backendtest.Schemas(t))
	var field *record.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, `options: 4 are wrong:
  project = "My Project": is 3 to 24 of a-z, 0-9 and -, begins with a letter, and has no hyphen at the end or twice in a row; sthree- and amzn-s3-demo- are taken
  stream.shards = 20000: is 1 to 10000
  job.max_workers = 200: is 2 to 149
  records.units.temperature = "V": the schema has it in Cel, which can become K, [degF]`, err.Error())
	_, err = model.New(model.Options{}, nil)
	require.ErrorContains(t, err, "options: 2 are wrong:\n  project = \"\": is 3")
	require.ErrorContains(t, err, "\n  schemas: names no schema document")
}

func TestLifecycle(t *testing.T) {
	for _, c := range []struct {
		infrequent, archive, expire int
		want                        string
	}{
		{30, 59, 0, "archive_days = 59: is 60 to 36500, 30 more than infrequent_access_days, or -1 for never"},
		{-1, 1, 0, ""},
		{-1, 1, 1, "expire_days = 1: is 2 to 36500, more than infrequent_access_days and archive_days, or -1 for never"},
		{-1, -1, 1, ""},
		{100, -1, 100, "expire_days = 100: is 101"},
	} {
		o := backendtest.Options()
		o.Lake = model.Lake{InfrequentAccessDays: c.infrequent, ArchiveDays: c.archive, ExpireDays: c.expire}
		_, err := model.New(o, backendtest.Schemas(t))
		if c.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "lake."+c.want)
		}
	}
}

func TestIcebergDoesNotExpire(t *testing.T) {
	for days, ok := range map[int]bool{0: true, -1: true, 400: false} {
		o := backendtest.Options()
		o.Job.Sink, o.Lake.ExpireDays = "iceberg", days
		_, err := model.New(o, backendtest.Schemas(t))
		if ok {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "options: lake.expire_days = 400: is for the sink parquet: ")
		}
	}
}
