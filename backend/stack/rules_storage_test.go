package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rivulet-iot/rivulet/backend/model"
)

// checkLifecycle wants transitions that S3 takes: to Standard-IA after 30 days at the
// least, from there on after 30 more, and expiry after all of them. See
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
func checkLifecycle(p parsed) (complaints []string) {
	order := []string{"STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"}
	p.resources("AWS::S3::Bucket", func(bucket string, properties object) {
		rules := items(at(properties, "LifecycleConfiguration", "Rules"))
		if len(rules) == 0 {
			complaints = append(complaints, bucket+" has no lifecycle")
		}
		unfinished := false
		for _, rule := range rules {
			complain := func(format string, args ...any) {
				complaints = append(complaints, fmt.Sprintf("%s, rule %v: ", bucket, at(rule, "Id"))+fmt.Sprintf(format, args...))
			}
			unfinished = unfinished || at(rule, "AbortIncompleteMultipartUpload") != nil && at(rule, "Prefix") == nil
			if at(rule, "Status") != "Enabled" {
				complain("is not enabled")
			}
			class, days := -1, 0
			for _, transition := range items(at(rule, "Transitions")) {
				name, _ := at(transition, "StorageClass").(string)
				next, after := slices.Index(order, name), number(at(transition, "TransitionInDays"))
				if next <= class {
					complain("%s is unknown or out of order", name)
				}
				least := 1
				if name == "STANDARD_IA" || days > 0 {
					least = days + 30
				}
				if after < least {
					complain("%s after %d days: it must be %d or more", name, after, least)
				}
				class, days = next, after
			}
			if expires := number(at(rule, "ExpirationInDays")); expires > 0 && expires <= days {
				complain("expires after %d days, before the transition after %d", expires, days)
			}
		}
		if !unfinished {
			complaints = append(complaints, bucket+": unfinished uploads are kept for ever")
		}
	})
	return complaints
}

// keptForEver are the prefixes whose old versions no rule removes, and why.
var keptForEver = map[string]string{
	model.Scripts: "few, and they tell what ran when", model.RegistryPath: "likewise",
}

// checkPrefixes wants no prefix of a rule to be inside of another's, each that is named
// anywhere to be one of the model's, and each of those that are written to have a rule.
func checkPrefixes(p parsed) (complaints []string) {
	var all []string
	p.resources("AWS::S3::Bucket", func(bucket string, properties object) {
		for _, rule := range items(at(properties, "LifecycleConfiguration", "Rules")) {
			if prefix, ok := at(rule, "Prefix").(string); ok {
				all = append(all, prefix)
			}
		}
	})
	for i, a := range all {
		if !slices.Contains(model.Prefixes(), a) {
			complaints = append(complaints, a+" is no prefix of the lake")
		}
		for j, b := range all {
			if i != j && strings.HasPrefix(a, b) {
				complaints = append(complaints, fmt.Sprintf("%s is inside of %s", a, b))
			}
		}
	}
	for _, prefix := range model.Prefixes() {
		written := prefix != model.Curated || p.model.Job.Sink != "iceberg"
		if written && keptForEver[prefix] == "" && !slices.Contains(all, prefix) {
			complaints = append(complaints, prefix+" has no rule: old versions are kept for ever")
		}
	}
	return complaints
}

// checkEvents wants the rules of new files to take the keys that the job writes files
// under, and none of those that stand beside them while it does.
func checkEvents(p parsed) (complaints []string) {
	m := p.model
	data := []string{"curated/env/year=2026/month=01/day=05/batch=0123abcd-000000001/part-00000.parquet"}
	other := []string{
		"curated/env/_temporary/0/task_1/year=2026/month=01/day=05/part-00000.parquet",
		"curated/env/__magic_job-1/year=2026/month=01/day=05/part-00000.parquet", "curated/env/", "curated/env2/year=2026/part-00000.parquet",
	}
	if m.Job.Sink == "iceberg" {
		data = []string{"iceberg/my_project.db/env/data/ts_day=2026-01-05/00000-1.parquet"}
		other = []string{"iceberg/my_project.db/env/metadata/1.avro", "iceberg/my_project.db/env_compact/data/1.parquet", "iceberg/env/data/1.parquet"}
	}
	for rule, keys := range map[string]struct{ yes, no []string }{
		"NewDataRule": {data, append(other, "dead-letters/env/year=2026/month=01/day=05/batch=1/part-00000.json.gz")},
		"DeadLettersRule": {
			[]string{"dead-letters/env/year=2026/month=01/day=05/batch=1/part-00000.json.gz"},
			append(data, "dead-letters/env/_temporary/0/task_1/year=2026/part-00000.json.gz", "dead-letters/env/", "replay/env/year=2026/1.json.gz"),
		},
	} {
		takes := func(key string) bool {
			for _, want := range items(at(p.object, "Resources", rule, "Properties", "EventPattern", "detail", "object", "key")) {
				prefix, _ := at(want, "prefix").(string)
				wildcard, _ := at(want, "wildcard").(string)
				pattern := strings.ReplaceAll(regexp.QuoteMeta(wildcard), `\*`, ".*")
				if prefix != "" && strings.HasPrefix(key, prefix) || regexp.MustCompile("^"+pattern+"$").MatchString(key) {
					return true
				}
			}
			return false
		}
		for _, key := range keys.yes {
			if !takes(key) || !takes(strings.ReplaceAll(key, "=", "%3D")) {
				complaints = append(complaints, rule+" does not take "+key)
			}
		}
		for _, key := range keys.no {
			if takes(key) {
				complaints = append(complaints, rule+" takes "+key)
			}
		}
	}
	return complaints
}

// notLogged are the buckets without access logs, each with its reason.
var notLogged = map[string]string{"Logs": "has the access logs: it would log its own"}

func checkBuckets(p parsed) (complaints []string) {
	policies := map[string]any{}
	p.resources("AWS::S3::BucketPolicy", func(_ string, properties object) {
		if bucket, ok := at(properties, "Bucket", "Ref").(string); ok {
			policies[bucket] = properties["PolicyDocument"]
		}
	})
	p.resources("AWS::S3::Bucket", func(bucket string, properties object) {
		want := func(ok bool, what string) {
			if !ok {
				complaints = append(complaints, bucket+": "+what)
			}
		}
		for _, flag := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			want(at(properties, "PublicAccessBlockConfiguration", flag) == true, flag+" is not set")
		}
		want(at(properties, "VersioningConfiguration", "Status") == "Enabled", "has no versions")
		want(notLogged[bucket] != "" || at(properties, "LoggingConfiguration", "DestinationBucketName") != nil, "has no access logs")
		owners := items(at(properties, "OwnershipControls", "Rules"))
		want(len(owners) == 1 && at(owners[0], "ObjectOwnership") == "BucketOwnerEnforced", "takes access control lists")
		encryption := items(at(properties, "BucketEncryption", "ServerSideEncryptionConfiguration"))
		want(len(encryption) == 1 && at(encryption[0], "ServerSideEncryptionByDefault", "SSEAlgorithm") != nil, "is not encrypted")
		want(len(encryption) == 1 && (notLogged[bucket] != "" || at(encryption[0], "BucketKeyEnabled") == true), "asks KMS for every object")

		plain := false
		for _, s := range items(at(policies[bucket], "Statement")) {
			plain = plain || at(s, "Effect") == "Deny" && at(s, "Principal", "AWS") == "*" && at(s, "Action") == "s3:*" &&
				at(s, "Condition", "Bool", "aws:SecureTransport") == "false" && len(items(at(s, "Resource"))) == 2
		}
		want(plain, "takes requests without TLS")
	})
	return complaints
}

// checkRetained wants what holds data to outlive the stack, but not a first attempt to
// make it, which would otherwise stand in the way of the second.
func checkRetained(p parsed) (complaints []string) {
	for _, kind := range []string{"AWS::KMS::Key", "AWS::Kinesis::Stream", "AWS::S3::Bucket"} {
		p.resources(kind, func(name string, _ object) {
			for policy, want := range map[string]string{"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"} {
				if at(p.object, "Resources", name, policy) != want {
					complaints = append(complaints, fmt.Sprintf("%s: %s is not %s", name, policy, want))
				}
			}
		})
	}
	return complaints
}

// keyOf says where each type of resource names its key.
var keyOf = map[string][]string{
	"AWS::Kinesis::Stream":   {"StreamEncryption", "KeyId"},
	"AWS::SNS::Topic":        {"KmsMasterKeyId"},
	"AWS::SQS::Queue":        {"KmsMasterKeyId"},
	"AWS::Logs::LogGroup":    {"KmsKeyId"},
	"AWS::Lambda::Function":  {"KmsKeyArn"},
	"AWS::Athena::WorkGroup": {"WorkGroupConfiguration", "ResultConfiguration", "EncryptionConfiguration", "KmsKey"},
}

func checkEncrypted(p parsed) (complaints []string) {
	for _, kind := range sorted(keyOf) {
		p.resources(kind, func(name string, properties object) {
			key := at(properties, keyOf[kind]...)
			arn := items(at(key, "Fn::GetAtt"))
			if at(key, "Ref") != "Key" && (len(arn) != 2 || arn[0] != "Key" || arn[1] != "Arn") {
				complaints = append(complaints, fmt.Sprintf("%s: %s is not the key", name, strings.Join(keyOf[kind], ".")))
			}
		})
	}
	p.resources("AWS::KMS::Key", func(name string, properties object) {
		if properties["EnableKeyRotation"] != true {
			complaints = append(complaints, name+" is not rotated")
		}
	})
	p.resources("AWS::Logs::LogGroup", func(name string, properties object) {
		if properties["RetentionInDays"] == nil {
			complaints = append(complaints, name+" keeps logs for ever")
		}
	})
	return complaints
}

func number(v any) int {
	switch v := v.(type) {
	case uint64:
		return int(v)
	case int64:
		return int(v)
	}
	return 0
}
