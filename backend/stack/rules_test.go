package stack

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

// rules say what linters do not. Each returns what it finds wrong, and is itself tested
// on a small template that breaks it, in TestRulesBite.
var rules = map[string]func(parsed) []string{
	"lifecycle":    checkLifecycle,
	"prefixes":     checkPrefixes,
	"events":       checkEvents,
	"buckets":      checkBuckets,
	"retained":     checkRetained,
	"encrypted":    checkEncrypted,
	"wildcards":    checkWildcards,
	"own policies": checkOwnPolicies,
	"roles":        checkRoles,
	"references":   checkReferences,
	"names":        checkNames,
	"columns":      checkColumns,
	"metrics":      checkMetrics,
}

func TestRules(t *testing.T) {
	for name, m := range models(t) {
		p := render(t, m)
		for _, rule := range sorted(rules) {
			for _, complaint := range rules[rule](p) {
				t.Errorf("%s: %s: %s", name, rule, complaint)
			}
		}
	}
}

// TestEveryPolicyIsInTheTemplate holds the template to the policies that Terraform gets.
func TestEveryPolicyIsInTheTemplate(t *testing.T) {
	for name, m := range models(t) {
		text, err := CloudFormation(m)
		require.NoError(t, err)
		for _, policy := range sorted(Policies(m)) {
			inTemplate := strings.Contains(string(text), Policies(m)[policy].yaml(8)) || strings.Contains(string(text), Policies(m)[policy].yaml(12))
			require.True(t, inTemplate, "%s: policy %s is not in the template", name, policy)
		}
	}
}

// TestTemplateIsSmallEnough: a larger one cannot be given in a call, only as an S3 object. See
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
func TestTemplateIsSmallEnough(t *testing.T) {
	for name, m := range models(t) {
		text, err := CloudFormation(m)
		require.NoError(t, err)
		require.Less(t, len(text), 51_200, name)
		again, err := CloudFormation(m)
		require.NoError(t, err)
		require.Equal(t, text, again)
	}
}

// checkReferences wants every name that is used to be defined, and the other way round
// for parameters and conditions.
func checkReferences(p parsed) (complaints []string) {
	resources, _ := p.object["Resources"].(object)
	parameters, _ := p.object["Parameters"].(object)
	conditions, _ := p.object["Conditions"].(object)
	used := map[string]bool{}
	resolve := func(name string, isResource bool) {
		used[name] = true
		_, resource := resources[name]
		_, parameter := parameters[name]
		if !resource && (isResource || !parameter && !strings.HasPrefix(name, "AWS::")) {
			complaints = append(complaints, name+" is used but not defined")
		}
	}
	condition := func(name string) {
		used[name] = true
		if _, ok := conditions[name]; !ok {
			complaints = append(complaints, "condition "+name+" is used but not defined")
		}
	}
	walk(p.object, func(v any) {
		o, ok := v.(object)
		if !ok {
			return
		}
		if s, ok := o["Ref"].(string); ok {
			resolve(s, false)
		}
		if of := items(o["Fn::GetAtt"]); len(of) > 0 {
			resolve(of[0].(string), true)
		}
		if s, ok := o["Fn::Sub"].(string); ok {
			for _, match := range placeholder.FindAllStringSubmatch(s, -1) {
				resolve(strings.Split(match[1], ".")[0], strings.Contains(match[1], "."))
			}
		}
		if args := items(o["Fn::If"]); len(args) > 0 {
			condition(args[0].(string))
		}
	})
	for _, name := range sorted(resources) {
		for _, d := range items(at(resources[name], "DependsOn")) {
			resolve(d.(string), true)
		}
		if c, ok := at(resources[name], "Condition").(string); ok {
			condition(c)
		}
	}
	for _, name := range append(sorted(parameters), sorted(conditions)...) {
		if !used[name] {
			complaints = append(complaints, name+" is defined but not used")
		}
	}
	return complaints
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// The longest names that services take, where ours come near.
var nameLimits = map[string]struct {
	property string
	limit    int
}{
	"AWS::S3::Bucket":                  {"BucketName", 63},   // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	"AWS::IAM::Role":                   {"RoleName", 64},     // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	"AWS::Events::Rule":                {"Name", 64},         // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
	"AWS::Scheduler::Schedule":         {"Name", 64},         // https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
	"AWS::Lambda::Function":            {"FunctionName", 64}, // https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
	"AWS::SQS::Queue":                  {"QueueName", 80},    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
	"AWS::Kinesis::Stream":             {"Name", 128},        // https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
	"AWS::IoT::RoleAlias":              {"RoleAlias", 128},   // https://docs.aws.amazon.com/iot/latest/apireference/API_CreateRoleAlias.html
	"AWS::Athena::WorkGroup":           {"Name", 128},        // https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateWorkGroup.html
	"AWS::CloudWatch::Dashboard":       {"DashboardName", 255},
	"AWS::SNS::Topic":                  {"TopicName", 256},
	"AWS::Glue::Job":                   {"Name", 255},
	"AWS::Logs::LogGroup":              {"LogGroupName", 512},
	"AWS::KMS::Alias":                  {"AliasName", 256},
	"AWS::Glue::SecurityConfiguration": {"Name", 255},
}

// checkNames gives placeholders their longest values: a region has up to 14 characters.
func checkNames(p parsed) (complaints []string) {
	deployed := strings.NewReplacer(Account, "123456789012", Region, "ap-southeast-2")
	p.resources("", func(name string, properties object) {
		kind := at(p.object, "Resources", name, "Type").(string)
		l, ok := nameLimits[kind]
		if !ok {
			return
		}
		text, _ := properties[l.property].(string)
		if text == "" {
			text, _ = at(properties, l.property, "Fn::Sub").(string)
		}
		if text = deployed.Replace(text); text == "" || len(text) > l.limit {
			complaints = append(complaints, fmt.Sprintf("%s: %s is %q, which has %d characters, not 1 to %d", name, l.property, text, len(text), l.limit))
		}
	})
	return complaints
}

func TestLongestNames(t *testing.T) {
	m := backendtest.Model(t, func(o *model.Options) {
		o.Project = strings.Repeat("p", 24) // the longest: see model.Options
		o.Lambda.Enabled = true
	})
	require.Empty(t, checkNames(render(t, m)))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
