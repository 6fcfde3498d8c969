package kinesistest

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"
)

// describeShards returns shards as the API has them.
func describeShards(shards []*shard) []any {
	list := make([]any, len(shards))
	for i, sh := range shards {
		sequence := object{{"StartingSequenceNumber", formatSeq(sh.first)}}
		if sh.last != 0 {
			sequence = append(sequence, member{"EndingSequenceNumber", formatSeq(sh.last)})
		}
		o := object{{"ShardId", sh.id}, {"HashKeyRange", describeRange(sh)}, {"SequenceNumberRange", sequence}}
		if sh.parent != "" {
			o = append(o, member{"ParentShardId", sh.parent})
		}
		if sh.adjacent != "" {
			o = append(o, member{"AdjacentParentShardId", sh.adjacent})
		}
		list[i] = o
	}
	return list
}

func describeRange(sh *shard) object {
	return object{{"StartingHashKey", sh.keys.Start.String()}, {"EndingHashKey", sh.keys.End.String()}}
}

// shardPage is what a NextToken of ListShards holds.
type shardPage struct {
	Stream string
	Made   time.Time // of the stream
	At     time.Time // when the token was given out
	Filter shardFilter
	After  string // shard id
}

type shardFilter struct {
	Type    string
	ShardID string
	Time    time.Time
}

// encodeToken and decodeToken make the opaque strings of the API. They are not
// protected: a client that makes one up reads what it may read anyway.
func encodeToken(v any) string {
	b, _ := json.Marshal(v) // structs of strings, numbers and times always marshal
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeToken(token string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && json.Unmarshal(b, v) == nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
func (s *Server) opListShards(c *call) (object, error) {
	var bad validation
	limit := maxListShards
	if m := c.in.integer("MaxResults"); m != nil {
		checkRange(&bad, "maxResults", *m, 1, maxMaxResults)
		limit = min(*m, maxListShards)
	}
	page, st, err := s.shardPage(c, bad)
	if err != nil {
		return nil, err
	}
	shards := slices.Clone(st.shards)
	shards = slices.DeleteFunc(shards, func(sh *shard) bool { return sh.id <= page.After || !page.Filter.match(sh, st) })
	reply := object{}
	if _, hit := c.faults.first(endlessPages); hit && len(shards) > 0 {
		page.At = c.now // and where it begins stays
		reply = append(reply, member{"NextToken", encodeToken(page)})
		shards = shards[:min(limit, len(shards))]
	} else if len(shards) > limit {
		shards = shards[:limit]
		page.After = shards[limit-1].id
		page.At = c.now
		reply = append(reply, member{"NextToken", encodeToken(page)})
	}
	return append(reply, member{"Shards", describeShards(shards)}), nil
}

// shardPage reads where a page of ListShards begins: from a token, or from the
// stream and the filter, never both.
func (s *Server) shardPage(c *call, bad validation) (shardPage, *stream, error) {
	token := c.in.str("NextToken")
	start := c.in.str("ExclusiveStartShardId")
	created := c.in.timestamp("StreamCreationTimestamp")
	filter, err := readFilter(c, &bad)
	if err != nil {
		return shardPage{}, nil, err
	}
	if token == nil {
		st, err := s.stream(c, bad)
		if err != nil {
			return shardPage{}, nil, err
		}
		if created != nil && created.Unix() != st.created.Unix() {
			return shardPage{}, nil, errf(codeNotFound, "Stream %s under account %s created at %s not found.", st.name, AccountID, created.UTC().Format(time.RFC3339))
		}
		page := shardPage{Stream: st.name, Made: st.created, Filter: filter}
		if start != nil {
			page.After = *start
		}
		return page, st, nil
	}
	if err := c.result(bad); err != nil {
		return shardPage{}, nil, err
	}
	for _, other := range []string{"StreamName", "ExclusiveStartShardId", "StreamCreationTimestamp", "ShardFilter"} {
		if c.in.members[other] != nil {
			return shardPage{}, nil, errf(codeInvalidArgument, "NextToken and %s cannot be provided together.", other)
		}
	}
	var page shardPage
	if !decodeToken(*token, &page) {
		return shardPage{}, nil, errf(codeInvalidArgument, "Invalid NextToken %s.", quoted(*token))
	}
	st := s.streams[page.Stream]
	if st == nil || !st.created.Equal(page.Made) {
		return shardPage{}, nil, errf(codeNotFound, "Stream %s under account %s not found.", page.Stream, AccountID)
	}
	if age := c.now.Sub(page.At); age > tokenMaxAge {
		return shardPage{}, nil, errf("ExpiredNextTokenException", "NextToken is %s old; it is good for %s.", age.Round(time.Second), tokenMaxAge)
	}
	return page, st, nil
}

func readFilter(c *call, bad *validation) (f shardFilter, err error) {
	in, ok := c.in.structure("ShardFilter")
	if !ok {
		return f, nil
	}
	f.Type = in.need(bad, "Type")
	checkOneOf(bad, "shardFilter.type", f.Type, "AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP")
	f.ShardID = in.strOr("ShardId", "")
	at := in.timestamp("Timestamp")
	if at != nil {
		f.Time = *at
	}
	switch f.Type {
	case "AFTER_SHARD_ID":
		if f.ShardID == "" {
			err = errf(codeInvalidArgument, "ShardFilter of type AFTER_SHARD_ID needs a ShardId.")
		}
	case "AT_TIMESTAMP", "FROM_TIMESTAMP":
		if at == nil {
			err = errf(codeInvalidArgument, "ShardFilter of type %s needs a Timestamp.", f.Type)
		}
	}
	if *c.in.err != nil {
		return f, *c.in.err
	}
	return f, err
}

// match reports whether a shard passes the filter. Records are never trimmed, so
// the trim horizon is the making of the stream.
func (f shardFilter) match(sh *shard, st *stream) bool {
	switch f.Type {
	case "AFTER_SHARD_ID":
		return sh.id > f.ShardID
	case "AT_LATEST":
		return sh.last == 0
	case "AT_TRIM_HORIZON":
		return sh.parent == ""
	case "AT_TIMESTAMP":
		return !sh.opened.After(f.Time) && (sh.last == 0 || sh.closed.After(f.Time))
	case "FROM_TIMESTAMP":
		return sh.last == 0 || !sh.closed.Before(f.Time)
	}
	return true
}
