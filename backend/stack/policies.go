package stack

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/backend/model"
)

const version = "2012-10-17"

// Policies returns every policy of the backend, with placeholders. Those of a role come
// with one named after it and "-trust", which says who may take the role.
//
//	key bucket logs          of the key, the lake's bucket, the bucket with its access logs
//	device iot               of a device: its role, and its certificate in AWS IoT
//	glue reader starter      of the job, of people and tools that query, of what starts the job
//	alerts new-data dead-letters    of the topics
//	consumer consumer-failures      of the optional consumer and its queue, if it is enabled
func Policies(m *model.Model) map[string]Document {
	b := builder{m: m, n: NamesOf(m)}
	out := map[string]Document{
		"key":    b.key(),
		"bucket": b.bucket(),
		"logs":   b.logs(),

		"device":        b.device(),
		"device-trust":  trustService("credentials.iot.amazonaws.com"),
		"iot":           b.iot(),
		"glue":          b.job(),
		"glue-trust":    trustService("glue.amazonaws.com"),
		"reader":        b.reader(),
		"reader-trust":  b.readerTrust(),
		"starter":       b.starter(),
		"starter-trust": b.starterTrust(),

		"alerts":       b.topic(b.n.Alerts, true),
		"new-data":     b.topic(b.n.NewData, false),
		"dead-letters": b.topic(b.n.DeadLetters, false),
	}
	if m.Lambda.Enabled {
		out["consumer"] = b.consumer()
		out["consumer-trust"] = trustService("lambda.amazonaws.com")
		out["consumer-failures"] = b.consumerFailures()
	}
	return out
}

// Files returns the policies that are worth reading, or using, alone, as NAME.json:
// device, iot, glue, reader, bucket and key. Where they have a placeholder stands a word
// in capitals to replace.
func Files(m *model.Model) (map[string][]byte, error) {
	policies := Policies(m)
	out := map[string][]byte{}
	for _, name := range []string{"device", "iot", "glue", "reader", "bucket", "key"} {
		text, err := policies[name].JSON()
		if err != nil {
			return nil, fmt.Errorf("stack: policy %s: %w", name, err)
		}
		out[name+".json"] = []byte(words.Replace(string(text)))
	}
	return out, nil
}

type builder struct {
	m *model.Model
	n Names
}

func document(statements ...Statement) Document {
	return Document{Version: version, Statement: statements}
}

// trustService lets a service take a role. It has no condition on the source: a role is
// passed to a service only by principals of its own account (iam:PassRole), and these
// services do not document that they tell the source. What a service does not tell
// would refuse every one of its calls. See
// https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html
func trustService(service string) Document {
	return document(Statement{
		Sid: "TheService", Effect: "Allow",
		Principal: map[string][]string{"Service": {service}},
		Action:    []string{"sts:AssumeRole"},
	})
}

// withoutTLS denies all that does not come encrypted.
func withoutTLS(resources ...string) Statement {
	return Statement{
		Sid: "NotWithoutTLS", Effect: "Deny",
		Action: []string{"*"}, Resource: resources,
		Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"false"}}},
	}
}

var everybody = map[string][]string{"AWS": {"*"}}

func arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", Partition, service, Region, Account, resource)
}

func (b builder) streamARN() string { return arn("kinesis", "stream/"+b.m.Stream.Name) }

func (b builder) roleARN(name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", Partition, Account, name)
}

func (b builder) root() string { return fmt.Sprintf("arn:%s:iam::%s:root", Partition, Account) }

// lake returns the ARNs of what is below prefixes of the lake's bucket, or of the bucket
// itself if there are none.
func (b builder) lake(prefixes ...string) []string {
	bucket := fmt.Sprintf("arn:%s:s3:::%s", Partition, b.n.Lake)
	if len(prefixes) == 0 {
		return []string{bucket}
	}
	var out []string
	for _, p := range prefixes {
		out = append(out, bucket+"/"+p+"*")
	}
	return out
}

func via(services ...string) map[string]map[string][]string {
	var hosts []string
	for _, s := range services {
		hosts = append(hosts, s+"."+Region+".amazonaws.com")
	}
	return map[string]map[string][]string{"StringEquals": {"kms:ViaService": hosts}}
}
