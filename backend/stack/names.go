package stack

import "github.com/rivulet-iot/rivulet/backend/model"

// Placeholders stand in names and policies for what is only known when the stack is
// deployed. They are those of CloudFormation; elsewhere they are replaced.
const (
	Account        = "${AWS::AccountId}"
	Region         = "${AWS::Region}"
	Partition      = "${AWS::Partition}"
	KeyARN         = "${Key.Arn}"
	Administrators = "${Administrators}" // alone in a list: the list of that name
)

// Names are the names of the resources that [model.Model] has no name for. They are
// the same in CloudFormation and in Terraform.
type Names struct {
	KeyAlias   string // of the one key that encrypts everything
	Lake, Logs string // buckets; the second has the access logs of the first

	// Roles. Their names say the region, because those of IAM are of the whole account.
	DeviceRole, JobRole, ReaderRole, StarterRole, ConsumerRole string

	RoleAlias, ThingPolicy string // of AWS IoT, for devices
	Security               string // security configuration of the job

	Alerts      string // topic for people: alarms, and failures of the job
	NewData     string // topic for programs: a data file was written
	DeadLetters string // topic for programs: a file of dead letters was written
	Starter     string // schedule that starts the job
	JobFailed   string // rule: the job failed
	Dashboard   string // of CloudWatch

	Consumer, ConsumerFailures string // function and queue of the optional consumer

	// Log groups. Glue derives those of a job from the security configuration and the role:
	// https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
	JobErrors, JobOutput, ConsumerLog string
}

// NamesOf returns the names for a model.
func NamesOf(m *model.Model) Names {
	p := m.Project
	n := Names{
		KeyAlias: "alias/" + p,
		Lake:     m.Lake.Bucket,
		Logs:     p + "-logs-" + Account + "-" + Region,

		DeviceRole:   p + "-device-" + Region,
		JobRole:      p + "-job-" + Region,
		ReaderRole:   p + "-reader-" + Region,
		StarterRole:  p + "-starter-" + Region,
		ConsumerRole: p + "-consumer-" + Region,

		RoleAlias:   p + "-device",
		ThingPolicy: p + "-device",
		Security:    p,

		Alerts:      p + "-alerts",
		NewData:     p + "-new-data",
		DeadLetters: p + "-dead-letters",
		Starter:     p + "-start-job",
		JobFailed:   p + "-job-failed",
		Dashboard:   p,

		Consumer:         p + "-consumer",
		ConsumerFailures: p + "-consumer-failures",
		ConsumerLog:      "/aws/lambda/" + p + "-consumer",
	}
	if n.Lake == "" {
		n.Lake = p + "-lake-" + Account + "-" + Region
	}
	jobLogs := "/aws-glue/jobs/" + n.Security + "-role/" + n.JobRole
	n.JobErrors, n.JobOutput = jobLogs+"/error", jobLogs+"/output"
	return n
}

// DataPrefix is where the table's files are: curated/ or iceberg/.
func DataPrefix(m *model.Model) string {
	if m.Job.Sink == "iceberg" {
		return model.Iceberg
	}
	return model.Curated
}

// dataFiles leaves out what is beside the table's files while they are written, such as
// _temporary/. It has no = after year: S3's own notifications write one as %3D, and whether
// EventBridge's do is not documented.
func dataFiles(m *model.Model) string {
	if m.Job.Sink == "iceberg" {
		return m.IcebergTable() + "data/*.parquet"
	}
	return model.Curated + m.Table() + "/year*.parquet"
}
