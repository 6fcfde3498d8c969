package kinesistest

import (
	"time"

	"github.com/rivulet-iot/rivulet/partition"
)

// StreamOptions are the settings of a stream; the zero value is a provisioned
// stream with the defaults of the service.
type StreamOptions struct {
	// MaxRecordSizeInKiB is the largest record, data and partition key together,
	// 1024 to 10240. Zero: 1024.
	//
	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html
	MaxRecordSizeInKiB int
	// OnDemand makes a stream with on-demand capacity, of as many shards as asked
	// for; the service starts with four. SplitShard, MergeShards and
	// UpdateShardCount are refused over the wire, as by the service; the methods
	// of Server work, in the place of the service that scales by itself.
	OnDemand bool
	// Auto sets the record distribution strategy AUTO: records go to the open
	// shards in turn, and partition key and explicit hash key count for nothing.
	// It implies OnDemand.
	//
	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamRecordDistributionStrategy.html
	Auto bool
}

// CreateStream makes a stream, ACTIVE at once, with 1 to 10,000 shards of equal
// hash key ranges. Like all errors of the methods of Server, the error is a
// smithy.APIError with the code of AWS: ValidationException for a bad name or
// number, ResourceInUseException if the stream exists.
func (s *Server) CreateStream(name string, shards int, o StreamOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.create(name, shards, o, time.Now())
	return err
}

// create checks and makes a stream. s.mu is held.
func (s *Server) create(name string, shards int, o StreamOptions, now time.Time) (*stream, error) {
	var bad validation
	checkName(&bad, "streamName", name)
	checkRange(&bad, "shardCount", shards, 1, maxShards)
	if o.MaxRecordSizeInKiB != 0 {
		checkRange(&bad, "maxRecordSizeInKiB", o.MaxRecordSizeInKiB, minRecordSizeKiB, maxRecordSizeKiB)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	if s.streams[name] != nil {
		return nil, errf(codeInUse, "Stream %s under account %s already exists.", name, AccountID)
	}
	st := newStream(name, shards, o, now)
	s.streams[name] = st
	return st, nil
}

// SplitShard splits an open shard in two, at the middle of its range, at once,
// while clients write and read. It returns the ids of the children, the one of
// the lower hash keys first. The parent stays readable.
func (s *Server) SplitShard(stream, shardID string) (lower, upper string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.named(stream)
	if err != nil {
		return "", "", err
	}
	sh, err := st.openShard(shardID)
	if err != nil {
		return "", "", err
	}
	lo, hi, err := st.split(sh, sh.keys.Mid(), time.Now())
	if err != nil {
		return "", "", err
	}
	return lo.id, hi.id, nil
}

// MergeShards merges two open shards with adjacent ranges into one, at once,
// while clients write and read. It returns the id of the child.
func (s *Server) MergeShards(stream, shardID, adjacentID string) (child string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.named(stream)
	if err != nil {
		return "", err
	}
	a, err := st.openShard(shardID)
	if err != nil {
		return "", err
	}
	b, err := st.openShard(adjacentID)
	if err != nil {
		return "", err
	}
	c, err := st.merge(a, b, time.Now())
	if err != nil {
		return "", err
	}
	return c.id, nil
}

// Shard is a shard of a stream.
type Shard struct {
	ID       string          // such as shardId-000000000000
	Parent   string          // id of the shard it was split from, or the first of a merge; or empty
	Adjacent string          // id of the second shard of a merge, or empty
	Open     bool            // it takes records
	Range    partition.Range // of the hash keys it takes
}

// Shards returns every shard of a stream, open and closed, in order of id.
func (s *Server) Shards(stream string) ([]Shard, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.named(stream)
	if err != nil {
		return nil, err
	}
	shards := make([]Shard, len(st.shards))
	for i, sh := range st.shards {
		shards[i] = Shard{sh.id, sh.parent, sh.adjacent, sh.last == 0, sh.keys}
	}
	return shards, nil
}

// Record is a stored record.
type Record struct {
	ShardID         string    // where it is
	SequenceNumber  string    // decimal, rising within the stream
	PartitionKey    string    // as sent
	ExplicitHashKey string    // as sent; empty if not
	Data            []byte    // shared with the server: do not change it
	Arrival         time.Time // when the server stored it
}

// Records returns every record that a stream ever stored: shard by shard in
// order of shard id, within a shard in order of sequence number. Records that a
// fault refused are not there; records whose reply a fault lost are.
func (s *Server) Records(stream string) ([]Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.named(stream)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, sh := range st.shards {
		n += len(sh.records)
	}
	records := make([]Record, 0, n)
	for _, sh := range st.shards {
		for _, r := range sh.records {
			records = append(records, Record{sh.id, formatSeq(r.seq), r.key, r.explicit, r.data, r.at})
		}
	}
	return records, nil
}

// Calls returns how many requests for an operation, such as "PutRecords", the
// server has received, refused and faulty ones included. AnyOperation counts
// them all.
func (s *Server) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if operation != AnyOperation {
		return s.calls[operation]
	}
	n := 0
	for _, c := range s.calls {
		n += c
	}
	return n
}

// PutRecordsBytes returns the bytes of all PutRecords bodies received, as they
// were on the wire inside TLS and HTTP.
func (s *Server) PutRecordsBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putBytes
}

// ExpireToken makes requests signed with a session token fail with
// ExpiredTokenException from now on. Other session tokens stay good, so a client
// that fetches new credentials recovers.
func (s *Server) ExpireToken(sessionToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired[sessionToken] = true
}
