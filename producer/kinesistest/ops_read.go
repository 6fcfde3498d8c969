package kinesistest

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"sort"
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
	if len(shards) > limit {
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

// iterator is what a shard iterator holds.
type iterator struct {
	Stream string
	Made   time.Time // of the stream
	Shard  string
	From   uint64 // the first sequence number to read
	At     time.Time
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
func (s *Server) opGetShardIterator(c *call) (object, error) {
	var bad validation
	id := c.in.need(&bad, "ShardId")
	kind := c.in.need(&bad, "ShardIteratorType")
	checkOneOf(&bad, "shardIteratorType", kind, "TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP")
	starting := c.in.str("StartingSequenceNumber")
	at := c.in.timestamp("Timestamp")
	if starting != nil {
		checkPattern(&bad, "startingSequenceNumber", *starting, seqPattern)
	}
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	if err := st.live(c); err != nil {
		return nil, err
	}
	sh := st.shard(id)
	if sh == nil {
		return nil, errf(codeNotFound, "Shard %s in stream %s under account %s does not exist", id, st.name, AccountID)
	}
	from, err := st.position(sh, kind, starting, at, c.now)
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	return object{{"ShardIterator", encodeToken(iterator{st.name, st.created, sh.id, from, c.now})}}, nil
}

// position finds the sequence number that an iterator of a kind begins at.
func (st *stream) position(sh *shard, kind string, starting *string, at *time.Time, now time.Time) (uint64, error) {
	switch kind {
	case "TRIM_HORIZON":
		return sh.first, nil
	case "LATEST":
		if sh.last != 0 {
			return sh.last, nil
		}
		return st.next, nil
	case "AT_TIMESTAMP":
		switch {
		case at == nil:
			return 0, errf(codeInvalidArgument, "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
		case at.After(now):
			return 0, errf(codeInvalidArgument, "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: %d, currentTimestampInMillis: %d", at.UnixMilli(), now.UnixMilli())
		}
		i := sort.Search(len(sh.records), func(i int) bool { return !sh.records[i].at.Before(*at) })
		switch {
		case i < len(sh.records):
			return sh.records[i].seq, nil
		case sh.last != 0:
			return sh.last, nil
		}
		return st.next, nil
	}
	if starting == nil {
		return 0, errf(codeInvalidArgument, "Must either specify (1) StartingSequenceNumber or (2) Timestamp for iterator of type %s.", kind)
	}
	seq, ok := parseSeq(*starting)
	if !ok || seq < sh.first || sh.last != 0 && seq > sh.last || seq >= st.next {
		return 0, errf(codeInvalidArgument, "Invalid StartingSequenceNumber. It encodes %s, which is not of shard %s in stream %s under account %s.", *starting, sh.id, st.name, AccountID)
	}
	if kind == "AFTER_SEQUENCE_NUMBER" {
		seq++
	}
	return seq, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
func (s *Server) opGetRecords(c *call) (object, error) {
	var bad validation
	token := c.in.need(&bad, "ShardIterator")
	limit := maxGetRecords
	if l := c.in.integer("Limit"); l != nil {
		checkRange(&bad, "limit", *l, 1, math.MaxInt32)
		limit = *l
	}
	if err := c.result(bad); err != nil {
		return nil, err
	}
	if limit > maxGetRecords {
		return nil, errf(codeInvalidArgument, "Limit %d is more than %d.", limit, maxGetRecords)
	}
	st, sh, it, err := s.iterator(c, token)
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	if s.config.ReadLimits && (!sh.reads.has(1, c.now) || !sh.readBytes.has(1, c.now)) {
		return nil, entryError(codeThroughput, st, sh)
	}
	i := sort.Search(len(sh.records), func(i int) bool { return sh.records[i].seq >= it.From })
	list, size := []any{}, 0
	for ; i < len(sh.records) && len(list) < limit; i++ {
		r := sh.records[i]
		if size += len(r.data) + len(r.key); size > maxGetBytes && len(list) > 0 {
			break
		}
		o := object{{"SequenceNumber", formatSeq(r.seq)}, {"ApproximateArrivalTimestamp", r.at}, {"Data", r.data}, {"PartitionKey", r.key}, {"EncryptionType", "NONE"}}
		list = append(list, o)
		it.From = r.seq + 1
	}
	if s.config.ReadLimits {
		sh.reads.take(1)
		sh.readBytes.take(size)
	}
	reply := object{{"Records", list}}
	if i < len(sh.records) {
		reply = append(reply, member{"MillisBehindLatest", c.now.Sub(sh.records[i].at).Milliseconds()})
	} else {
		reply = append(reply, member{"MillisBehindLatest", 0})
		it.From = max(it.From, st.next)
	}
	if i >= len(sh.records) && sh.last != 0 { // the end of a closed shard
		children := []any{}
		for _, ch := range st.children(sh) {
			parents := []any{ch.parent}
			if ch.adjacent != "" {
				parents = append(parents, ch.adjacent)
			}
			children = append(children, object{{"ShardId", ch.id}, {"ParentShards", parents}, {"HashKeyRange", describeRange(ch)}})
		}
		return append(reply, member{"ChildShards", children}), nil
	}
	it.At = c.now
	return append(reply, member{"NextShardIterator", encodeToken(it)}), nil
}

// iterator reads a shard iterator and finds its shard.
func (s *Server) iterator(c *call, token string) (*stream, *shard, iterator, error) {
	var it iterator
	if !decodeToken(token, &it) {
		return nil, nil, it, errf(codeInvalidArgument, "Invalid ShardIterator.")
	}
	st := s.streams[it.Stream]
	if st == nil || !st.created.Equal(it.Made) {
		return nil, nil, it, errf(codeNotFound, "Stream %s under account %s not found.", it.Stream, AccountID)
	}
	sh := st.shard(it.Shard)
	if sh == nil {
		return nil, nil, it, errf(codeNotFound, "Shard %s in stream %s under account %s does not exist", it.Shard, st.name, AccountID)
	}
	if arn := c.in.str("StreamARN"); arn != nil && *arn != st.arn(s.config.Region) {
		return nil, nil, it, errf(codeInvalidArgument, "StreamARN %s is not of the stream of the ShardIterator, %s.", quoted(*arn), st.name)
	}
	if c.now.Sub(it.At) > iteratorMaxAge {
		return nil, nil, it, errf("ExpiredIteratorException", "Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future than the tolerated delay of %d milliseconds.",
			it.At.UTC().Format(time.RFC1123), c.now.UTC().Format(time.RFC1123), iteratorMaxAge.Milliseconds())
	}
	return st, sh, it, nil
}
