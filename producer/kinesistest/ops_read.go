package kinesistest

import (
	"math"
	"sort"
	"time"
)

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
