package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// bubble runs fn with a server in a synctest bubble, where time costs nothing.
func bubble(t *testing.T, shards int, fn func(srv *kinesistest.Server, r *reader)) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := kinesistest.Start(kinesistest.Config{Listener: kinesistest.NewPipeListener(), Plain: true, Unlimited: true, ReadLimits: true})
		require.NoError(t, err)
		defer srv.Close()
		require.NoError(t, srv.CreateStream("telemetry", shards, kinesistest.StreamOptions{}))
		client := srv.Client(func(o *kinesis.Options) {
			o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 1 })
		})
		fn(srv, &reader{client: client, stream: "telemetry", from: position{kind: types.ShardIteratorTypeTrimHorizon}, perCall: 10_000, notice: func(s string) { t.Log(s) }})
	})
}

// keep returns a function for reader.read that keeps the data of the records, and
// one that waits until the reader waits and returns what was kept.
func keep() (func(string, []types.Record) error, func() []string) {
	var kept []string
	return func(_ string, records []types.Record) error {
		for _, r := range records {
			kept = append(kept, string(r.Data))
		}
		return nil
	}, func() []string { synctest.Wait(); return kept }
}

func putText(t *testing.T, srv *kinesistest.Server, text string) {
	stream, key := "telemetry", "key"
	_, err := srv.Client().PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: &stream, PartitionKey: &key, Data: []byte(text)})
	require.NoError(t, err)
}

func TestReaderFollows(t *testing.T) {
	bubble(t, 1, func(srv *kinesistest.Server, r *reader) {
		r.follow = true
		ctx, cancel := context.WithCancel(context.Background())
		fn, kept := keep()
		done := make(chan error)
		go func() { done <- r.read(ctx, fn) }()
		time.Sleep(time.Minute)
		require.InDelta(t, 60, srv.Calls("GetRecords"), 2, "one call a second")
		require.Equal(t, 1, srv.Calls("ListShards"))
		putText(t, srv, "a")
		time.Sleep(1500 * time.Millisecond)
		require.Equal(t, []string{"a"}, kept())
		_, _, err := srv.SplitShard("telemetry", "shardId-000000000000")
		require.NoError(t, err)
		putText(t, srv, "b")
		time.Sleep(2 * time.Second)
		require.Equal(t, []string{"a", "b"}, kept())
		require.Len(t, r.shards, 3)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestReaderFromLatestAndTimestamp(t *testing.T) {
	bubble(t, 2, func(srv *kinesistest.Server, r *reader) {
		putText(t, srv, "old")
		_, _, err := srv.SplitShard("telemetry", "shardId-000000000000")
		require.NoError(t, err)
		putText(t, srv, "old, after the split")
		time.Sleep(time.Hour)
		at := time.Now()
		putText(t, srv, "newer")

		for _, c := range []struct {
			from position
			want []string
		}{
			{position{kind: types.ShardIteratorTypeTrimHorizon}, []string{"old", "old, after the split", "newer"}},
			{position{kind: types.ShardIteratorTypeAtTimestamp, at: at}, []string{"newer"}},
			{position{kind: types.ShardIteratorTypeLatest}, nil},
		} {
			one := *r
			one.from = c.from
			fn, kept := keep()
			require.NoError(t, one.read(context.Background(), fn))
			require.Equal(t, c.want, kept())
		}

		r.from, r.follow = position{kind: types.ShardIteratorTypeLatest}, true
		// The first read of each shard is refused: "latest" is when the first iterator was made.
		srv.Inject(kinesistest.Fault{Operation: "GetRecords", Times: 3, Effect: kinesistest.FailCall("ProvisionedThroughputExceededException", 0, "")})
		ctx, cancel := context.WithCancel(context.Background())
		fn, kept := keep()
		done := make(chan error)
		go func() { done <- r.read(ctx, fn) }()
		synctest.Wait()
		putText(t, srv, "newest")
		time.Sleep(5 * time.Second)
		require.Equal(t, []string{"newest"}, kept())
		// What arrives before a new shard is found counts, too.
		_, _, err = srv.SplitShard("telemetry", "shardId-000000000002")
		require.NoError(t, err)
		putText(t, srv, "after another split")
		time.Sleep(5 * time.Second)
		require.Equal(t, []string{"newest", "after another split"}, kept())
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

// The consumer of the output pauses for longer than iterators are good for, such
// as a pager does.
func TestReaderRenewsIterators(t *testing.T) {
	for _, kind := range []types.ShardIteratorType{types.ShardIteratorTypeTrimHorizon, types.ShardIteratorTypeLatest, types.ShardIteratorTypeAtTimestamp} {
		bubble(t, 2, func(srv *kinesistest.Server, r *reader) {
			r.follow, r.perCall = true, 1
			r.from = position{kind: kind, at: time.Now()}
			ctx, cancel := context.WithCancel(context.Background())
			var kept []string
			done := make(chan error)
			go func() {
				done <- r.read(ctx, func(_ string, records []types.Record) error {
					for _, rec := range records {
						kept = append(kept, string(rec.Data))
					}
					time.Sleep(6 * time.Minute)
					return nil
				})
			}()
			time.Sleep(5 * time.Second)
			var want []string
			for i := range 5 {
				putText(t, srv, fmt.Sprint(i))
				want = append(want, fmt.Sprint(i))
			}
			other, stream := "other shard", "telemetry"
			hash := "340282366920938463463374607431768211455"
			time.Sleep(9 * time.Minute)
			_, err := srv.Client().PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: &stream, PartitionKey: &other, ExplicitHashKey: &hash, Data: []byte(other)})
			require.NoError(t, err)
			time.Sleep(36 * time.Minute)
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
			require.ElementsMatch(t, append(want, other), kept, kind)
		})
	}
}

func TestReaderBacksOff(t *testing.T) {
	bubble(t, 1, func(srv *kinesistest.Server, r *reader) {
		putText(t, srv, "a")
		fault := srv.Inject(kinesistest.Fault{Operation: "GetRecords", Effect: kinesistest.FailCall("ProvisionedThroughputExceededException", 0, "")})
		fn, kept := keep()
		start := time.Now()
		one, notices := *r, []string{}
		one.notice = func(s string) { notices = append(notices, s) }
		require.ErrorAs(t, one.read(context.Background(), fn), new(*types.ProvisionedThroughputExceededException))
		require.Equal(t, maxFailures+1, fault.Calls())
		require.Len(t, notices, 1)
		require.Contains(t, notices[0], "shardId-000000000000: still trying: ")
		require.InDelta(t, 55, time.Since(start).Seconds(), 5)

		r.follow = true // then it does not give up
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- r.read(ctx, fn) }()
		time.Sleep(time.Hour)
		require.InDelta(t, 360, fault.Calls(), 20)
		fault.Remove()
		time.Sleep(maxBackoff)
		require.Equal(t, []string{"a"}, kept())

		srv.Inject(kinesistest.Fault{Operation: "GetRecords", Effect: kinesistest.FailCall("AccessDeniedException", 0, "")})
		require.ErrorContains(t, <-done, "AccessDenied", "that does not go away by waiting")
		cancel()
	})
}

// Everything arrives, once and in order, while half of the calls fail.
func TestReaderThroughFaults(t *testing.T) {
	bubble(t, 1, func(srv *kinesistest.Server, r *reader) {
		var want []string
		for i := range 60 {
			if i == 20 {
				lower, upper, err := srv.SplitShard("telemetry", "shardId-000000000000")
				require.NoError(t, err)
				_, err = srv.MergeShards("telemetry", lower, upper)
				require.NoError(t, err)
			}
			want = append(want, fmt.Sprint(i))
			putText(t, srv, want[i])
		}
		for _, op := range []string{"GetRecords", "GetShardIterator"} {
			srv.Inject(kinesistest.Fault{Operation: op, Rate: 0.25, Effect: kinesistest.FailCall("InternalFailure", 0, "")})
			srv.Inject(kinesistest.Fault{Operation: op, Rate: 0.25, Effect: kinesistest.LoseReply()})
		}
		r.perCall = 3
		fn, kept := keep()
		require.NoError(t, r.read(context.Background(), fn))
		require.Equal(t, want, kept())
	})
}
