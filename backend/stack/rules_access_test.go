package stack

import (
	"fmt"
	"strings"
)

// wildcards are the statements that allow an action or a resource with only a wildcard, or
// all actions of a service: where, and why.
var wildcards = map[string]string{
	"Key TheAccountsPolicies kms:*": "leaves the key to the account's IAM policies; without it nobody could ever change it",
	"Key TheAccountsPolicies *":     "in a key's policy * is that key",
	"Key Logs *":                    "in a key's policy * is that key",
	"Key Alarms *":                  "in a key's policy * is that key",
	"Key Events *":                  "in a key's policy * is that key",
	"JobRole WriteMetrics *":        "PutMetricData has no resources; the namespace is held by a condition",
}

// checkWildcards looks at every statement that allows: a * may be at the end of a
// resource below a name of ours, and nowhere else.
func checkWildcards(p parsed) (complaints []string) {
	statements(p, func(resource string, s any) {
		if at(s, "Effect") != "Allow" {
			return
		}
		for _, kind := range []string{"Action", "Resource", "NotAction", "NotResource", "NotPrincipal"} {
			for _, v := range items(at(s, kind)) {
				text, _ := v.(string)
				if text == "" {
					text, _ = at(v, "Fn::Sub").(string)
				}
				below := kind == "Resource" && strings.Count(text, "*") == 1 &&
					(strings.HasSuffix(text, "/*") || strings.HasSuffix(text, ":*")) && strings.Count(text, ":") >= 5
				where := fmt.Sprintf("%s %v %s", resource, at(s, "Sid"), text)
				if strings.HasPrefix(kind, "Not") || strings.Contains(text, "*") && !below && wildcards[where] == "" {
					complaints = append(complaints, fmt.Sprintf("%s: a wildcard %s without a reason", where, kind))
				}
			}
		}
		for _, v := range items(at(s, "Principal", "AWS")) {
			if v == "*" {
				complaints = append(complaints, fmt.Sprintf("%s %v: everybody is allowed", resource, at(s, "Sid")))
			}
		}
	})
	return complaints
}

// statements calls f with each statement of each policy.
func statements(p parsed, f func(resource string, statement any)) {
	p.resources("", func(name string, properties object) {
		walk(properties, func(v any) {
			for _, s := range items(at(v, "Statement")) {
				f(name, s)
			}
		})
	})
}

// checkOwnPolicies wants roles to have the policies of the template and no others.
func checkOwnPolicies(p parsed) (complaints []string) {
	p.resources("", func(name string, properties object) {
		if properties["ManagedPolicyArns"] != nil {
			complaints = append(complaints, name+" has managed policies, which say more than is needed, and change")
		}
		kind, _ := at(p.object, "Resources", name, "Type").(string)
		if strings.HasPrefix(kind, "AWS::IAM::") && kind != "AWS::IAM::Role" {
			complaints = append(complaints, name+" is a "+kind+": policies belong into the role")
		}
	})
	return complaints
}

// checkRoles wants every role to be used or, for the reader's, to be told.
func checkRoles(p parsed) (complaints []string) {
	used := map[string]bool{}
	walk(p.object, func(v any) {
		if of := items(at(v, "Fn::GetAtt")); len(of) == 2 && of[1] == "Arn" {
			used[fmt.Sprint(of[0])] = true
		}
	})
	p.resources("AWS::IAM::Role", func(name string, properties object) {
		if !used[name] {
			complaints = append(complaints, name+" is not used")
		}
		if len(items(properties["Policies"])) == 0 {
			complaints = append(complaints, name+" may do nothing")
		}
	})
	return complaints
}

// checkColumns holds the table to the model.
func checkColumns(p parsed) (complaints []string) {
	if p.model.Job.Sink == "iceberg" {
		p.resources("AWS::Glue::Table", func(name string, _ object) {
			complaints = append(complaints, name+": the job makes the Iceberg table")
		})
		return complaints
	}
	tables := 0
	p.resources("AWS::Glue::Table", func(name string, properties object) {
		tables++
		columns := items(at(properties, "TableInput", "StorageDescriptor", "Columns"))
		if len(columns) != len(p.model.Columns) {
			complaints = append(complaints, fmt.Sprintf("%s has %d columns, the model %d", name, len(columns), len(p.model.Columns)))
			return
		}
		for i, c := range p.model.Columns {
			if at(columns[i], "Name") != c.Name || at(columns[i], "Type") != c.Type {
				complaints = append(complaints, fmt.Sprintf("%s: column %d is %v, in the model %s %s", name, i, columns[i], c.Name, c.Type))
			}
			if len(fmt.Sprint(at(columns[i], "Comment"))) > 255 {
				complaints = append(complaints, fmt.Sprintf("%s: the comment of %s is longer than 255 bytes", name, c.Name))
			}
		}
		keys := fmt.Sprint(items(at(properties, "TableInput", "PartitionKeys")))
		parameters, _ := at(properties, "TableInput", "Parameters").(object)
		for _, key := range []string{"year", "month", "day"} {
			if !strings.Contains(keys, "Name:"+key+" Type:int") || parameters["projection."+key+".type"] != "integer" {
				complaints = append(complaints, name+": "+key+" is no projected partition")
			}
		}
	})
	if tables != 1 {
		complaints = append(complaints, fmt.Sprintf("there are %d tables", tables))
	}
	return complaints
}
