package kinesistest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivulet-iot/rivulet/partition"
)

// operations are the ones that the server has. Each is called with s.mu held.
var operations = map[string]func(*Server, *call) (object, error){
	"CreateStream":                           (*Server).opCreateStream,
	"DeleteStream":                           (*Server).opDeleteStream,
	"DescribeStream":                         (*Server).opDescribeStream,
	"DescribeStreamSummary":                  (*Server).opDescribeStreamSummary,
	"GetRecords":                             (*Server).opGetRecords,
	"GetShardIterator":                       (*Server).opGetShardIterator,
	"ListShards":                             (*Server).opListShards,
	"ListStreams":                            (*Server).opListStreams,
	"MergeShards":                            (*Server).opMergeShards,
	"PutRecord":                              (*Server).opPutRecord,
	"PutRecords":                             (*Server).opPutRecords,
	"SplitShard":                             (*Server).opSplitShard,
	"UpdateMaxRecordSize":                    (*Server).opUpdateMaxRecordSize,
	"UpdateShardCount":                       (*Server).opUpdateShardCount,
	"UpdateStreamRecordDistributionStrategy": (*Server).opUpdateDistribution,
}

// namePattern is that of StreamName, HashKey and the like in the API's model.
var (
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)
	hashPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,38})$`)
	seqPattern  = regexp.MustCompile(`^(0|[1-9][0-9]{0,128})$`)
)

// checkChars checks a length in Unicode code points.
func checkChars(bad *validation, path, value string, least, most int) {
	n := utf8.RuneCountInString(value)
	if n < least {
		bad.add(path, quoted(value), fmt.Sprintf("Member must have length greater than or equal to %d", least))
	}
	if n > most {
		bad.add(path, quoted(value), fmt.Sprintf("Member must have length less than or equal to %d, it has %d", most, n))
	}
}

func checkRange(bad *validation, path string, value, least, most int) {
	if value < least {
		bad.add(path, strconv.Itoa(value), fmt.Sprintf("Member must have value greater than or equal to %d", least))
	}
	if value > most {
		bad.add(path, strconv.Itoa(value), fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

func checkPattern(bad *validation, path, value string, pattern *regexp.Regexp) {
	if !pattern.MatchString(value) {
		bad.add(path, quoted(value), "Member must satisfy regular expression pattern: "+strings.Trim(pattern.String(), "^$"))
	}
}

func checkOneOf(bad *validation, path, value string, choices ...string) {
	for _, c := range choices {
		if value == c {
			return
		}
	}
	bad.add(path, quoted(value), "Member must satisfy enum value set: ["+strings.Join(choices, ", ")+"]")
}

func checkName(bad *validation, path, name string) {
	checkChars(bad, path, name, 1, maxNameChars)
	checkPattern(bad, path, name, namePattern)
}

// need reads a required string member.
func (in input) need(bad *validation, name string) string {
	s := in.str(name)
	if s == nil {
		bad.missing(strings.ToLower(name[:1]) + name[1:])
		return ""
	}
	return *s
}

// named returns a stream by its name.
func (s *Server) named(name string) (*stream, error) {
	if st := s.streams[name]; st != nil {
		return st, nil
	}
	return nil, errf(codeNotFound, "Stream %s under account %s not found.", name, AccountID)
}

// result ends the reading of a request: the first wrong type, or all that is
// invalid.
func (c *call) result(bad validation) error {
	if *c.in.err != nil {
		return *c.in.err
	}
	return bad.err()
}

// stream reads StreamName and StreamARN, one of them at least, checks what the
// caller found invalid, and looks the stream up.
func (s *Server) stream(c *call, bad validation) (*stream, error) {
	name, arn := c.in.str("StreamName"), c.in.str("StreamARN")
	if name != nil {
		checkName(&bad, "streamName", *name)
	}
	if err := c.result(bad); err != nil {
		return nil, err
	}
	if arn != nil {
		prefix := (&stream{}).arn(s.config.Region)
		fromARN, ours := strings.CutPrefix(*arn, prefix)
		switch {
		case !strings.HasPrefix(*arn, "arn:") || !strings.Contains(*arn, ":stream/"):
			bad.add("streamARN", quoted(*arn), "Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+")
			return nil, bad.err()
		case !ours:
			return nil, errf(codeNotFound, "Stream %s not found; this server has those of %s*.", quoted(*arn), prefix)
		case name != nil && *name != fromARN:
			return nil, errf(codeInvalidArgument, "StreamARN %s and StreamName %s are not of one stream.", quoted(*arn), quoted(*name))
		}
		name = &fromARN
	}
	if name == nil {
		return nil, errf(codeInvalidArgument, "Either StreamName or StreamARN must be given.")
	}
	return s.named(*name)
}

// idle refuses a change of a stream that is being changed.
func (st *stream) idle(c *call) error {
	if status := st.status(c.now); status != "ACTIVE" {
		return errf(codeInUse, "Stream %s under account %s not ACTIVE, instead in state %s", st.name, AccountID, status)
	}
	return nil
}

// live refuses data operations on a stream that is still being made.
func (st *stream) live(c *call) error {
	if st.creating && st.status(c.now) == "CREATING" {
		return errf(codeNotFound, "Stream %s under account %s not found: it is in state CREATING.", st.name, AccountID)
	}
	return nil
}

// provisioned refuses operations that streams with on-demand capacity lack.
func (st *stream) provisioned(c *call) error {
	if st.onDemand {
		return errf(codeValidation, "%s is only supported for data streams with the PROVISIONED capacity mode; stream %s under account %s has ON_DEMAND.", c.operation, st.name, AccountID)
	}
	return nil
}

// change makes a stream UPDATING for a while.
func (s *Server) change(st *stream, c *call) {
	st.creating = false
	st.busyUntil = c.now.Add(s.config.ChangeDelay)
}

// dryRun ends a request that asks for a dry run, after all its checks.
func dryRun(c *call) error {
	if dry := c.in.boolean("DryRun"); *c.in.err != nil {
		return *c.in.err
	} else if dry {
		return errf(codeDryRun, "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

// hashKey reads a hash key in the form of the API.
func hashKey(field, decimal string) (partition.Hash, error) {
	h, err := partition.ParseHash(decimal)
	if err != nil {
		return h, errf(codeInvalidArgument, "Invalid %s. %s must be in the range: [0, 2^128-1]. Specified value was %s", field, field, decimal)
	}
	return h, nil
}
