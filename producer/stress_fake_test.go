package producer_test

import (
	"context"
	"errors"
	"math/rand"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
)

// rec is what a stored record is about: its key and its number.
type rec struct {
	key string
	v   int64
}

// stressFake is a Kinesis where anything may go wrong, by a seed, until good is set.
type stressFake struct {
	mu              sync.Mutex
	r               *rand.Rand
	t               *testing.T
	level           int // percent of faults
	good            bool
	poison          map[int64]bool
	transientPoison bool
	mayBeAuto       bool // now and then the stream says that it keeps no order
	stored          []rec
	calls           int
	nshards         int
	mode            int
	modeLeft        int
}

func (f *stressFake) shardsOf() []types.Shard {
	hs := []string{"0", "85070591730234615865843651857942052864", "170141183460469231731687303715884105728", "255211775190703847597530955573826158592", "340282366920938463463374607431768211456"}
	ends := []string{"85070591730234615865843651857942052863", "170141183460469231731687303715884105727", "255211775190703847597530955573826158591", "340282366920938463463374607431768211455"}
	if f.nshards == 1 {
		return whole()
	}
	var out []types.Shard
	for i, e := range ends {
		out = append(out, types.Shard{ShardId: aws.String("s" + strconv.Itoa(i)), HashKeyRange: &types.HashKeyRange{StartingHashKey: aws.String(hs[i]), EndingHashKey: aws.String(e)}})
	}
	return out
}
func (f *stressFake) shardOf(e types.PutRecordsRequestEntry) string {
	h := partition.HashKey(*e.PartitionKey)
	if e.ExplicitHashKey != nil {
		h, _ = partition.ParseHash(*e.ExplicitHashKey)
	}
	for _, s := range f.shardsOf() {
		a, _ := partition.ParseHash(*s.HashKeyRange.StartingHashKey)
		b, _ := partition.ParseHash(*s.HashKeyRange.EndingHashKey)
		if (partition.Range{Start: a, End: b}).Contains(h) {
			return *s.ShardId
		}
	}
	return "?"
}

func decodeEntry(e types.PutRecordsRequestEntry) (out []rec, err error) {
	users := []kpl.UserRecord{{PartitionKey: *e.PartitionKey, Data: e.Data}}
	if kpl.Looks(e.Data) {
		if users, err = kpl.Parse(e.Data, kpl.Limits{}); err != nil {
			return
		}
	}
	for _, u := range users {
		if len(u.Data) > 4 && string(u.Data[:4]) == "OPQ:" {
			i := 4
			for i < len(u.Data) && u.Data[i] != ';' {
				i++
			}
			v, _ := strconv.ParseInt(string(u.Data[4:i]), 10, 64)
			out = append(out, rec{u.PartitionKey, v})
			continue
		}
		if err = compress.Decode(u.Data, 0, func(r *record.Record) error {
			for _, x := range r.Readings {
				if x.Name == "v" {
					n, _ := strconv.ParseInt(x.Value.String(), 10, 64)
					out = append(out, rec{u.PartitionKey, n})
				}
			}
			return nil
		}); err != nil {
			return
		}
	}
	return
}

var callErrs = []error{api("InvalidArgumentException"), api("ProvisionedThroughputExceededException"), api("InternalFailure"), api("ServiceUnavailable"),
	api("KMSDisabledException"), api("ResourceNotFoundException"), api("AccessDeniedException"), api("ExpiredTokenException"), api("InvalidSignatureException"),
	api("SomethingNew"), api("RequestTimeoutException"), &net.DNSError{}, &net.OpError{Op: "dial", Err: errors.New("refused")}, errors.New("reset"), api("LimitExceededException"), api("SerializationException")}

func (f *stressFake) DescribeStreamSummary(ctx context.Context, _ *kinesis.DescribeStreamSummaryInput, _ ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.good && f.r.Intn(100) < f.level {
		return nil, callErrs[f.r.Intn(len(callErrs))]
	}
	d := &types.StreamDescriptionSummary{}
	if f.r.Intn(3) == 0 {
		d.MaxRecordSizeInKiB = aws.Int32([]int32{1024, 10240, 2048}[f.r.Intn(3)])
	}
	if !f.good && f.mayBeAuto && f.r.Intn(20) == 0 {
		d.RecordDistributionStrategy = types.RecordDistributionStrategyAuto
	}
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: d}, nil
}
func (f *stressFake) ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.good && f.r.Intn(100) < f.level {
		return nil, callErrs[f.r.Intn(len(callErrs))]
	}
	if !f.good && f.r.Intn(20) == 0 {
		f.nshards = 5 - f.nshards
	}
	return &kinesis.ListShardsOutput{Shards: f.shardsOf()}, nil
}

func (f *stressFake) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	f.mu.Lock()
	f.calls++
	recs := make([][]rec, len(in.Records))
	tot := 0
	for i, e := range in.Records {
		var err error
		if recs[i], err = decodeEntry(e); err != nil {
			f.t.Errorf("decode: %v", err)
		}
		tot += len(e.Data) + len(*e.PartitionKey)
	}
	if tot > 10<<20 || len(in.Records) > 500 {
		f.t.Errorf("call of %d bytes %d records", tot, len(in.Records))
	}
	isBad := func(i int) bool {
		for _, r := range recs[i] {
			if f.poison[r.v] {
				return true
			}
		}
		return false
	}
	anyBad := false
	for i := range recs {
		anyBad = anyBad || isBad(i)
	}
	store := func(i int) { f.stored = append(f.stored, recs[i]...) }
	if f.good {
		out := &kinesis.PutRecordsOutput{}
		for i, e := range in.Records {
			store(i)
			out.Records = append(out.Records, types.PutRecordsResultEntry{SequenceNumber: aws.String("1"), ShardId: aws.String(f.shardOf(e))})
		}
		f.mu.Unlock()
		return out, nil
	}
	if f.modeLeft <= 0 {
		f.modeLeft = f.r.Intn(20)
		f.mode = f.r.Intn(8)
	}
	f.modeLeft--
	faulty := f.r.Intn(100) < f.level
	if f.mode == 7 {
		faulty = true // an outage
	}
	if anyBad && f.r.Intn(10) < 9 {
		if f.mode%2 == 0 {
			f.mu.Unlock()
			return nil, callErrs[[]int{0, 15}[tot%2]]
		}
	}
	if faulty {
		switch f.r.Intn(6) {
		case 0: // timeout, perhaps stored
			if f.r.Intn(2) == 0 {
				for i := range recs {
					store(i)
				}
			}
			f.mu.Unlock()
			<-ctx.Done()
			return nil, ctx.Err()
		case 1:
			out := &kinesis.PutRecordsOutput{}
			f.mu.Unlock()
			return out, nil
		case 2, 3:
			// small calls pass, on a bad link
			err := callErrs[f.r.Intn(len(callErrs))]
			if !f.transientPoison && (err == callErrs[0] || err == callErrs[15]) {
				err = errors.New("reset")
			}
			f.mu.Unlock()
			return nil, err
		}
	}
	out := &kinesis.PutRecordsOutput{}
	out.Records = make([]types.PutRecordsResultEntry, len(recs))
	for _, i := range f.r.Perm(len(recs)) { // Kinesis stores a call's entries in any order
		e := in.Records[i]
		x := &out.Records[i]
		switch n := f.r.Intn(100); {
		case isBad(i):
			x.ErrorCode = aws.String("InvalidArgumentException")
		case faulty && n < 20:
			x.ErrorCode = aws.String("ProvisionedThroughputExceededException")
		case faulty && n < 35:
			x.ErrorCode = aws.String("InternalFailure")
		case faulty && n < 38 && f.transientPoison:
			x.ErrorCode = aws.String("InvalidArgumentException")
		case faulty && n < 42: // neither
			if n < 40 {
				store(i)
			}
		default:
			store(i)
			x.SequenceNumber, x.ShardId = aws.String("1"), aws.String(f.shardOf(e))
			if faulty && n > 95 {
				x.ShardId = aws.String("elsewhere")
			}
		}
	}
	f.mu.Unlock()
	return out, nil
}
