package kinesistest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"
)

// raw posts a request that no client of the SDK made, and follows nothing.
func raw(t *testing.T, s *Server, operation string) *http.Response {
	c := *s.HTTPClient()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL(), strings.NewReader("{}"))
	require.NoError(t, err)
	r.Header.Set("X-Amz-Target", targetPrefix+operation)
	r.Header.Set("Content-Type", jsonCodec.contentType)
	resp, err := c.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resp.Body.Close()) })
	return resp
}

func TestAnswersOfOthers(t *testing.T) {
	for _, plain := range []bool{false, true} {
		s := start(t, Config{Plain: plain})
		s.Inject(Fault{Times: 1, Effect: Reply(403, "text/html", "<html>")})
		s.Inject(Fault{After: 1, Times: 1, Effect: Reply(502, "", "")})
		s.Inject(Fault{After: 2, Times: 1, Effect: Redirect(307, "http://elsewhere/x")})
		s.Inject(Fault{After: 3, Times: 1, Effect: EndlessReply(`{"a":[`)})
		resp := raw(t, s, "PutRecords")
		require.Equal(t, []string{"403", "text/html", ""}, []string{resp.Status[:3], resp.Header.Get("Content-Type"), resp.Header.Get("X-Amzn-Requestid")})
		resp = raw(t, s, "PutRecords")
		require.Equal(t, 502, resp.StatusCode)
		require.NotContains(t, resp.Header, "Content-Type")
		resp = raw(t, s, "PutRecords")
		require.Equal(t, []string{"307", "http://elsewhere/x"}, []string{resp.Status[:3], resp.Header.Get("Location")})
		resp = raw(t, s, "PutRecords")
		begin := make([]byte, 8<<20)
		_, err := io.ReadFull(resp.Body, begin)
		require.NoError(t, err)
		require.Equal(t, `{"a":[[[[`, string(begin[:9]))
		require.Equal(t, jsonCodec.contentType, resp.Header.Get("Content-Type"))
	}
}

func TestEndlessPages(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		s.Inject(Fault{Operation: "ListShards", Effect: EndlessPages()})
		in := &kinesis.ListShardsInput{StreamName: aws.String("s")}
		for range 20 {
			out, err := c.ListShards(context.Background(), in)
			require.NoError(t, err)
			require.Len(t, out.Shards, 2)
			require.NotEmpty(t, *out.NextToken)
			in = &kinesis.ListShardsInput{NextToken: out.NextToken}
		}
	})
}

func TestDripReply(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Server, c *kinesis.Client) {
		s.Inject(Fault{Times: 2, Effect: DripReply(time.Second)})
		begin := time.Now()
		_, err := put(c, "s", entries(1, 1)...)
		require.NoError(t, err)
		require.Greater(t, time.Since(begin), time.Minute)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err = c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(1, 1)})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2, storedCount(t, s))
	})
}

func TestGoAway(t *testing.T) {
	faulty(t, func(t *testing.T, s *Server, c *kinesis.Client) {
		s.Inject(Fault{Times: 1, Effect: GoAway()})
		conns := 0
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			GotConn: func(i httptrace.GotConnInfo) {
				if !i.Reused {
					conns++
				}
			},
		})
		for range 3 {
			_, err := c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: entries(1, 1)})
			require.NoError(t, err)
		}
		require.Equal(t, 2, conns)
		require.Equal(t, 3, storedCount(t, s))
	})
}
