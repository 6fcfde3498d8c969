package kinesistest

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/rivulet-iot/rivulet/partition"
)

// entry is a record of a put request, checked.
type entry struct {
	key, explicit string
	data          []byte // may alias the body
	hash          partition.Hash
}

// size is what counts against the limits: data and partition key.
func (e entry) size() int { return len(e.data) + len(e.key) }

// readEntry reads the members that PutRecord and the entries of PutRecords have
// in common. Under AUTO distribution the partition key is optional.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
func readEntry(in input, bad *validation, path string) (e entry, hasKey bool) {
	var hasData bool
	if e.data, hasData = in.blob("Data"); !hasData {
		bad.missing(path + "data")
	}
	if len(e.data) > maxDataBytes {
		bad.add(path+"data", fmt.Sprintf("of %d bytes", len(e.data)), fmt.Sprintf("Member must have length less than or equal to %d", maxDataBytes))
	}
	if key := in.str("PartitionKey"); key != nil {
		e.key, hasKey = *key, true
		checkChars(bad, path+"partitionKey", e.key, 1, maxKeyChars)
	}
	if explicit := in.str("ExplicitHashKey"); explicit != nil {
		e.explicit = *explicit
		checkPattern(bad, path+"explicitHashKey", e.explicit, hashPattern)
	}
	return e, hasKey
}

// place checks an entry against its stream and finds its hash key.
func (st *stream) place(e *entry, hasKey bool, path string) error {
	if !hasKey && !st.auto {
		var bad validation
		bad.missing(path + "partitionKey")
		return bad.err()
	}
	if limit := st.recordSizeKiB << 10; e.size() > limit {
		return errf(codeInvalidArgument, "Record at '%sdata' has %d bytes of data and partition key, more than the %d bytes (%d KiB) that stream %s under account %s accepts.",
			path, e.size(), limit, st.recordSizeKiB, st.name, AccountID)
	}
	if st.auto {
		return nil
	}
	if e.explicit == "" {
		e.hash = partition.HashKey(e.key)
		return nil
	}
	var err error
	e.hash, err = hashKey("ExplicitHashKey", e.explicit)
	return err
}

// put stores an entry, or says why not.
func (s *Server) put(st *stream, c *call, e entry) (*shard, uint64, *apiError) {
	sh := st.route(e.hash)
	if code := c.faults.entry(); code != "" {
		return nil, 0, entryError(code, st, sh)
	}
	if !s.config.Unlimited {
		if !sh.writes.has(1, c.now) || !sh.bytes.has(e.size(), c.now) {
			return nil, 0, entryError(codeThroughput, st, sh)
		}
		sh.writes.take(1)
		sh.bytes.take(e.size())
	}
	seq := st.sequence()
	at := c.now.Truncate(time.Millisecond) // the service's precision
	sh.records = append(sh.records, stored{seq, e.key, e.explicit, bytes.Clone(e.data), at})
	return sh, seq, nil
}

// entryError is the failure of one entry, in the wording of AWS.
func entryError(code string, st *stream, sh *shard) *apiError {
	if code == codeThroughput {
		return errf(code, "Rate exceeded for shard %s in stream %s under account %s.", sh.id, st.name, AccountID)
	}
	return errf(code, "%s", messageOf(code))
}

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
func (s *Server) opPutRecords(c *call) (object, error) {
	var bad validation
	list := c.in.list("Records")
	switch {
	case list == nil:
		bad.missing("records")
	case len(list) == 0:
		bad.add("records", "'[]'", "Member must have length greater than or equal to 1")
	case len(list) > maxEntries:
		bad.add("records", fmt.Sprintf("of %d entries", len(list)), fmt.Sprintf("Member must have length less than or equal to %d", maxEntries))
		list = nil
	}
	entries := make([]entry, len(list))
	hasKey := make([]bool, len(list))
	total := 0
	for i, v := range list {
		if in, ok := c.in.nested("Records", v); ok {
			entries[i], hasKey[i] = readEntry(in, &bad, entryPath(i))
			total += entries[i].size()
		}
	}
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	if total > maxRequestBytes {
		return nil, errf(codeInvalidArgument, "Records size exceeds 10 MB limit: data and partition keys of the request have %d bytes, the limit is %d.", total, maxRequestBytes)
	}
	for i := range entries {
		if err := st.place(&entries[i], hasKey[i], entryPath(i)); err != nil {
			return nil, err
		}
	}
	if err := st.live(c); err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	failed := 0
	results := make([]any, len(entries))
	for i, e := range entries {
		sh, seq, fail := s.put(st, c, e)
		if fail != nil {
			failed++
			results[i] = object{{"ErrorCode", fail.code}, {"ErrorMessage", fail.message}}
			continue
		}
		results[i] = object{{"SequenceNumber", formatSeq(seq)}, {"ShardId", sh.id}}
	}
	return object{{"FailedRecordCount", failed}, {"Records", results}, {"EncryptionType", "NONE"}}, nil
}

// entryPath is how AWS names entry i of a request, counted from 1.
func entryPath(i int) string { return "records." + strconv.Itoa(i+1) + ".member." }

// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html
func (s *Server) opPutRecord(c *call) (object, error) {
	var bad validation
	e, hasKey := readEntry(c.in, &bad, "")
	if after := c.in.str("SequenceNumberForOrdering"); after != nil {
		checkPattern(&bad, "sequenceNumberForOrdering", *after, seqPattern)
	}
	st, err := s.stream(c, bad)
	if err != nil {
		return nil, err
	}
	if err := st.place(&e, hasKey, ""); err != nil {
		return nil, err
	}
	if err := st.live(c); err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	sh, seq, fail := s.put(st, c, e)
	if fail != nil {
		return nil, fail
	}
	return object{{"ShardId", sh.id}, {"SequenceNumber", formatSeq(seq)}, {"EncryptionType", "NONE"}}, nil
}
