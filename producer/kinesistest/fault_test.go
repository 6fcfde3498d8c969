package kinesistest

import (
	"context"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"
)

func storedCount(t *testing.T, s *Server) int {
	records, err := s.Records("s")
	require.NoError(t, err)
	return len(records)
}

// faulty runs a test over HTTP/2 and HTTP/1.1, in both encodings.
func faulty(t *testing.T, f func(t *testing.T, s *Server, c *kinesis.Client)) {
	for name, plain := range map[string]bool{"h2": false, "h1": true} {
		t.Run(name, func(t *testing.T) {
			wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
				s := start(t, Config{Plain: plain, Unlimited: true, Seed: 7})
				require.NoError(t, s.CreateStream("s", 2, StreamOptions{}))
				f(t, s, s.Client(opts))
			})
		})
	}
}

func TestFailEntries(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		throttle := s.Inject(Fault{Effect: FailEntries("ProvisionedThroughputExceededException", 0.3)})
		internal := s.Inject(Fault{Effect: FailEntries("InternalFailure", 0.05)})
		codes := map[string]int{}
		for range 4 {
			out, err := put(c, "s", entries(500, 1)...)
			require.NoError(t, err)
			failed := 0
			for _, r := range out.Records {
				if r.ErrorCode != nil {
					failed++
					codes[*r.ErrorCode]++
					require.Nil(t, r.ShardId)
					require.NotEmpty(t, *r.ErrorMessage)
				}
			}
			require.EqualValues(t, failed, *out.FailedRecordCount)
		}
		require.InDelta(t, 600, codes["ProvisionedThroughputExceededException"], 90)
		require.InDelta(t, 70, codes["InternalFailure"], 40)
		require.Equal(t, codes, map[string]int{"ProvisionedThroughputExceededException": throttle.Entries(), "InternalFailure": internal.Entries()})
		require.Equal(t, 2000-throttle.Entries()-internal.Entries(), storedCount(t, s))
		throttle.Remove()
		internal.Remove()
		out, err := put(c, "s", entries(500, 1)...)
		require.NoError(t, err)
		require.EqualValues(t, 0, *out.FailedRecordCount)

		s.Inject(Fault{Operation: "PutRecord", Effect: FailEntries("InternalFailure", 1)})
		_, err = c.PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"), Data: []byte("x")})
		requireCode(t, err, "InternalFailure")
		require.Equal(t, 500, status(err))
	})
}

func TestFailCall(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		for _, tc := range []struct {
			code   string
			status int
			want   int
		}{
			{"ServiceUnavailable", 0, 503}, {"InternalFailure", 0, 500}, {"KMSThrottlingException", 0, 400},
			{"ThrottlingException", 0, 400}, {"AccessDeniedException", 0, 400}, {"ExpiredTokenException", 0, 400}, {"Odd", 418, 418},
		} {
			i := s.Inject(Fault{Times: 1, Effect: FailCall(tc.code, tc.status, "")})
			_, err := put(c, "s", entries(1, 1)...)
			requireCode(t, err, tc.code)
			require.Equal(t, tc.want, status(err))
			require.Equal(t, 1, i.Calls())
		}
		s.Inject(Fault{Times: 1, Effect: FailCall("ResourceInUseException", 0, "busy here")})
		_, err := put(c, "s", entries(1, 1)...)
		requireCode(t, err, "ResourceInUseException", "busy here")
		require.Equal(t, 0, storedCount(t, s))
		_, err = put(c, "s", entries(1, 1)...)
		require.NoError(t, err)
	})
}

func TestSpoiledReplies(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		s.Inject(Fault{Times: 1, Effect: EmptyReply(false)})
		out, err := put(c, "s", entries(3, 1)...)
		require.NoError(t, err, "the SDK takes an empty 200 for success")
		require.Empty(t, out.Records)
		require.Nil(t, out.FailedRecordCount)
		require.Equal(t, 0, storedCount(t, s))

		s.Inject(Fault{Times: 1, Effect: EmptyReply(true)})
		out, err = put(c, "s", entries(3, 1)...)
		require.NoError(t, err)
		require.Empty(t, out.Records)
		require.Equal(t, 3, storedCount(t, s))

		for _, n := range []int{-1, 2, -9} {
			s.Inject(Fault{Times: 1, Effect: WrongCount(n)})
			out, err = put(c, "s", entries(3, 1)...)
			require.NoError(t, err)
			require.Len(t, out.Records, max(0, 3+n))
		}
		require.Equal(t, 12, storedCount(t, s))

		s.Inject(Fault{Times: 1, Effect: BadReply()})
		_, err = put(c, "s", entries(3, 1)...)
		require.ErrorContains(t, err, "deserialization failed")
		require.Equal(t, 15, storedCount(t, s))
	})
}

func TestBrokenConnections(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		s.Inject(Fault{Times: 1, Effect: Reset()})
		_, err := put(c, "s", entries(1, 1)...)
		require.Error(t, err)
		require.Empty(t, code(err))
		require.Equal(t, 0, storedCount(t, s))
		s.Inject(Fault{Times: 1, Effect: LoseReply()})
		_, err = put(c, "s", entries(1, 1)...)
		require.Error(t, err)
		require.Empty(t, code(err))
		require.Equal(t, 1, storedCount(t, s))
		reused := true
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		_, err = c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(1, 1)})
		require.NoError(t, err)
		require.False(t, reused, "the connection was broken")
	})
}

// The SDK learns the clock offset from the Date of the refusal, and signs anew.
func TestClockOffset(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		skew := s.Inject(Fault{Effect: ClockOffset(2 * time.Hour)})
		_, err := put(c, "s", entries(1, 1)...)
		requireCode(t, err, "InvalidSignatureException", "Signature expired")
		_, err = put(c, "s", entries(1, 1)...)
		require.NoError(t, err)
		require.Equal(t, 2, skew.Calls())
		skew.Remove()
	})
}

func TestWhichCalls(t *testing.T) {
	s := start(t, Config{Seed: 3, Unlimited: true})
	require.NoError(t, s.CreateStream("s", 1, StreamOptions{}))
	c := s.Client(once)
	outcome := func(f Fault, n int) (pattern string) {
		i := s.Inject(f)
		defer i.Remove()
		for range n {
			mark := "."
			if _, err := put(c, "s", entries(1, 1)...); err != nil {
				mark = "x"
			}
			pattern += mark
		}
		return pattern
	}
	bad := FailCall("InternalFailure", 0, "")
	require.Equal(t, "..xx..", outcome(Fault{After: 2, Times: 2, Effect: bad}, 6))
	require.Equal(t, "......", outcome(Fault{Operation: "PutRecord", Effect: bad}, 6))
	require.Equal(t, "xxxxxx", outcome(Fault{Operation: AnyOperation, Effect: bad}, 6))
	require.Equal(t, "......", outcome(Fault{}, 6))

	// The same seed and the same order of faults: the same choices.
	var runs [2]string
	for i := range runs {
		again := start(t, Config{Seed: 3, Unlimited: true})
		require.NoError(t, again.CreateStream("s", 1, StreamOptions{}))
		s, c = again, again.Client(once)
		runs[i] = outcome(Fault{Rate: 0.5, Effect: bad}, 40)
	}
	require.Equal(t, runs[0], runs[1])
	require.Contains(t, runs[0], ".")
	require.Contains(t, runs[0], "x")
}

func TestDelay(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Server, c *kinesis.Client) {
		s.Inject(Fault{Times: 1, Effect: Delay(3 * time.Second)})
		begin := time.Now()
		_, err := put(c, "s", entries(1, 1)...)
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(begin), 3*time.Second)

		// A client that gives up: nothing is stored.
		s.Inject(Fault{Times: 1, Effect: Delay(time.Hour)})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(1, 1)})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.Equal(t, 1, storedCount(t, s))

		// A server that closes in the middle.
		s.Inject(Fault{Times: 1, Effect: Delay(time.Hour)})
		go func() {
			time.Sleep(time.Second)
			s.Close()
		}()
		_, err = put(c, "s", entries(1, 1)...)
		require.Error(t, err)
	})
}

func TestCloseTwiceAndAfter(t *testing.T) {
	s := start(t, Config{})
	require.NoError(t, s.CreateStream("s", 1, StreamOptions{}))
	_, err := put(s.Client(once), "s", entries(2, 1)...)
	require.NoError(t, err)
	s.Close()
	s.Close()
	require.Equal(t, 2, storedCount(t, s))
	_, err = put(s.Client(once), "s", entries(2, 1)...)
	require.Error(t, err)
}
