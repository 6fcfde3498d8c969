package stack

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rivulet-iot/rivulet/backend/model"
)

// metrics are those that exist, of those that are of use here, by namespace and dimension.
func metrics(m *model.Model) map[string][]string {
	return map[string][]string{
		// https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
		"AWS/Kinesis StreamName": {
			"GetRecords.IteratorAgeMilliseconds", "IncomingBytes", "IncomingRecords",
			"ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
		},
		// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
		"AWS/SQS QueueName": {"ApproximateNumberOfMessagesVisible"},
		// model.Metrics
		m.Metrics() + " Table": {
			"RecordsStored", "DuplicatesDropped", "DeadLetters", "ClocksCorrected", "BatchSeconds", "StreamLagSeconds",
		},
	}
}

// checkMetrics wants alarms and the dashboard to look at metrics that exist, and alarms
// to tell somebody, and to say what they do where there is no data.
func checkMetrics(p parsed) (complaints []string) {
	known := metrics(p.model)
	exists := func(where string, namespace, metric, dimension any) {
		key := fmt.Sprintf("%v %v", namespace, dimension)
		if !slices.Contains(known[key], fmt.Sprint(metric)) {
			complaints = append(complaints, fmt.Sprintf("%s: there is no metric %v of %s", where, metric, key))
		}
	}
	of := func(where string, metric any) {
		dimensions := items(at(metric, "Dimensions"))
		if len(dimensions) != 1 {
			complaints = append(complaints, fmt.Sprintf("%s has %d dimensions, not 1", where, len(dimensions)))
			return
		}
		exists(where, at(metric, "Namespace"), at(metric, "MetricName"), at(dimensions[0], "Name"))
	}
	p.resources("AWS::CloudWatch::Alarm", func(name string, properties object) {
		if len(items(properties["AlarmActions"])) == 0 {
			complaints = append(complaints, name+" tells nobody")
		}
		if properties["TreatMissingData"] == nil || properties["AlarmDescription"] == nil {
			complaints = append(complaints, name+" does not say what it means, or what no data means")
		}
		if properties["Metrics"] == nil {
			of(name, properties)
		}
		for _, query := range items(properties["Metrics"]) {
			if m := at(query, "MetricStat", "Metric"); m != nil {
				of(name, m)
			}
		}
	})
	p.resources("AWS::CloudWatch::Dashboard", func(name string, properties object) {
		var body struct {
			Widgets []struct {
				Properties struct{ Metrics [][]any }
			}
		}
		text, _ := at(properties, "DashboardBody", "Fn::Sub").(string)
		if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Widgets) == 0 {
			complaints = append(complaints, fmt.Sprintf("%s cannot be read: %v", name, err))
		}
		for _, w := range body.Widgets {
			for _, m := range w.Properties.Metrics {
				exists(name, m[0], m[1], m[2])
			}
		}
	})
	return complaints
}
