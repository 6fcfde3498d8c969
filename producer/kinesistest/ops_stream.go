package kinesistest

import (
	"slices"
	"sort"
)

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
func (s *Server) opCreateStream(c *call) (object, error) {
	var bad validation
	name := c.in.need(&bad, "StreamName")
	mode := "PROVISIONED"
	if details, ok := c.in.structure("StreamModeDetails"); ok {
		mode = details.need(&bad, "StreamMode")
		checkOneOf(&bad, "streamModeDetails.streamMode", mode, "PROVISIONED", "ON_DEMAND")
	}
	strategy := c.in.strOr("RecordDistributionStrategy", "USER_PARTITION_KEY")
	checkOneOf(&bad, "recordDistributionStrategy", strategy, "AUTO", "USER_PARTITION_KEY")
	o := StreamOptions{OnDemand: mode == "ON_DEMAND", Auto: strategy == "AUTO"}
	if size := c.in.integer("MaxRecordSizeInKiB"); size != nil {
		checkRange(&bad, "maxRecordSizeInKiB", *size, minRecordSizeKiB, maxRecordSizeKiB)
		o.MaxRecordSizeInKiB = *size
	}
	shards := c.in.integer("ShardCount")
	if err := c.result(bad); err != nil {
		return nil, err
	}
	switch {
	case o.OnDemand && shards != nil:
		return nil, errf(codeInvalidArgument, "ShardCount %d must not be given for a stream with StreamMode ON_DEMAND.", *shards)
	case o.OnDemand:
		shards = new(int)
		*shards = onDemandShards
	case shards == nil:
		return nil, errf(codeInvalidArgument, "ShardCount must be given for a stream with StreamMode PROVISIONED.")
	case o.Auto:
		return nil, errf(codeInvalidArgument, "RecordDistributionStrategy AUTO is only supported for StreamMode ON_DEMAND.")
	case *shards > maxShards:
		return nil, errf("LimitExceededException", "ShardCount %d is more than the %d shards that account %s may have in a stream.", *shards, maxShards, AccountID)
	}
	st, err := s.create(name, *shards, o, c.now)
	if err != nil {
		return nil, err
	}
	st.creating = true
	st.busyUntil = c.now.Add(s.config.ChangeDelay)
	return nil, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeleteStream.html
func (s *Server) opDeleteStream(c *call) (object, error) {
	c.in.boolean("EnforceConsumerDeletion")
	st, err := s.stream(c, nil)
	if err != nil {
		return nil, err
	}
	delete(s.streams, st.name)
	return nil, nil
}

// common are the members that both descriptions of a stream have.
func (s *Server) common(st *stream, c *call) object {
	return object{
		{"StreamName", st.name},
		{"StreamARN", st.arn(s.config.Region)},
		{"StreamStatus", st.status(c.now)},
		{"StreamModeDetails", object{{"StreamMode", st.mode()}}},
		{"RetentionPeriodHours", retentionHours},
		{"StreamCreationTimestamp", st.created},
		{"EnhancedMonitoring", []any{object{{"ShardLevelMetrics", []any{}}}}},
		{"EncryptionType", "NONE"},
	}
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
func (s *Server) opDescribeStreamSummary(c *call) (object, error) {
	st, err := s.stream(c, nil)
	if err != nil {
		return nil, err
	}
	summary := append(s.common(st, c),
		member{"OpenShardCount", len(st.open)},
		member{"ConsumerCount", 0},
		member{"MaxRecordSizeInKiB", st.recordSizeKiB},
	)
	if st.onDemand {
		summary = append(summary, member{"RecordDistributionStrategy", st.strategy()})
	}
	return object{{"StreamDescriptionSummary", summary}}, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStream.html
func (s *Server) opDescribeStream(c *call) (object, error) {
	var bad validation
	limit := defaultDescribe
	if l := c.in.integer("Limit"); l != nil {
		checkRange(&bad, "limit", *l, 1, maxDescribe)
		limit = min(*l, defaultDescribe)
	}
	after := c.in.strOr("ExclusiveStartShardId", "")
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	shards := slices.Clone(st.shards)
	shards = slices.DeleteFunc(shards, func(sh *shard) bool { return sh.id <= after })
	more := len(shards) > limit
	if more {
		shards = shards[:limit]
	}
	return object{{"StreamDescription", append(s.common(st, c),
		member{"Shards", describeShards(shards)},
		member{"HasMoreShards", more},
	)}}, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreams.html
func (s *Server) opListStreams(c *call) (object, error) {
	var bad validation
	limit := 100
	if l := c.in.integer("Limit"); l != nil {
		checkRange(&bad, "limit", *l, 1, 10000)
		limit = *l
	}
	after := c.in.strOr("NextToken", c.in.strOr("ExclusiveStartStreamName", ""))
	if err := c.result(bad); err != nil {
		return nil, err
	}
	var names []string
	for name := range s.streams {
		if name > after {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	more := len(names) > limit
	if more {
		names = names[:limit]
	}
	list, summaries := []any{}, []any{}
	for _, name := range names {
		st := s.streams[name]
		list = append(list, name)
		summaries = append(summaries, object{
			{"StreamName", name},
			{"StreamARN", st.arn(s.config.Region)},
			{"StreamStatus", st.status(c.now)},
			{"StreamModeDetails", object{{"StreamMode", st.mode()}}},
			{"StreamCreationTimestamp", st.created},
		})
	}
	reply := object{{"HasMoreStreams", more}, {"StreamNames", list}, {"StreamSummaries", summaries}}
	if more {
		reply = append(reply, member{"NextToken", names[len(names)-1]})
	}
	return reply, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html
func (s *Server) opSplitShard(c *call) (object, error) {
	var bad validation
	id := c.in.need(&bad, "ShardToSplit")
	start := c.in.need(&bad, "NewStartingHashKey")
	checkPattern(&bad, "newStartingHashKey", start, hashPattern)
	st, err := s.reshardable(c, bad)
	if err != nil {
		return nil, err
	}
	at, err := hashKey("NewStartingHashKey", start)
	if err != nil {
		return nil, err
	}
	sh, err := st.openShard(id)
	if err != nil {
		return nil, err
	}
	if _, _, err = st.split(sh, at, c.now); err != nil {
		return nil, err
	}
	s.change(st, c)
	return nil, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html
func (s *Server) opMergeShards(c *call) (object, error) {
	var bad validation
	id := c.in.need(&bad, "ShardToMerge")
	adjacent := c.in.need(&bad, "AdjacentShardToMerge")
	st, err := s.reshardable(c, bad)
	if err != nil {
		return nil, err
	}
	a, err := st.openShard(id)
	if err != nil {
		return nil, err
	}
	b, err := st.openShard(adjacent)
	if err != nil {
		return nil, err
	}
	if _, err = st.merge(a, b, c.now); err != nil {
		return nil, err
	}
	s.change(st, c)
	return nil, nil
}

// reshardable looks up a stream that may be resharded now.
func (s *Server) reshardable(c *call, bad validation) (*stream, error) {
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	if err := st.provisioned(c); err != nil {
		return nil, err
	}
	return st, st.idle(c)
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
func (s *Server) opUpdateShardCount(c *call) (object, error) {
	var bad validation
	scaling := c.in.need(&bad, "ScalingType")
	checkOneOf(&bad, "scalingType", scaling, "UNIFORM_SCALING")
	n := c.in.integer("TargetShardCount")
	if n == nil {
		bad.missing("targetShardCount")
	} else {
		checkRange(&bad, "targetShardCount", *n, 1, maxShards)
	}
	st, err := s.reshardable(c, bad)
	if err != nil {
		return nil, err
	}
	current := len(st.open)
	switch {
	case *n > 2*current:
		return nil, errf(codeInvalidArgument, "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: %d Target shard count: %d", current, *n)
	case *n < (current+1)/2:
		return nil, errf(codeInvalidArgument, "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: %d Target shard count: %d", current, *n)
	}
	if err := st.scale(*n, c.now); err != nil {
		return nil, err
	}
	s.change(st, c)
	return object{
		{"StreamName", st.name},
		{"StreamARN", st.arn(s.config.Region)},
		{"CurrentShardCount", current},
		{"TargetShardCount", *n},
	}, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html
func (s *Server) opUpdateMaxRecordSize(c *call) (object, error) {
	var bad validation
	size := c.in.integer("MaxRecordSizeInKiB")
	if size == nil {
		bad.missing("maxRecordSizeInKiB")
	} else {
		checkRange(&bad, "maxRecordSizeInKiB", *size, minRecordSizeKiB, maxRecordSizeKiB)
	}
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	if err := st.idle(c); err != nil {
		return nil, err
	}
	st.recordSizeKiB = *size
	for _, sh := range st.open {
		st.sizeBucket(sh, c.now)
	}
	s.change(st, c)
	return nil, nil
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamRecordDistributionStrategy.html
func (s *Server) opUpdateDistribution(c *call) (object, error) {
	var bad validation
	strategy := c.in.need(&bad, "RecordDistributionStrategy")
	checkOneOf(&bad, "recordDistributionStrategy", strategy, "AUTO", "USER_PARTITION_KEY")
	c.in.need(&bad, "StreamARN")
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	if !st.onDemand {
		return nil, errf(codeInvalidArgument, "Record distribution strategy %s is not supported for stream %s under account %s with the PROVISIONED capacity mode.", strategy, st.name, AccountID)
	}
	if err := st.idle(c); err != nil {
		return nil, err
	}
	st.auto = strategy == "AUTO"
	return nil, nil
}
