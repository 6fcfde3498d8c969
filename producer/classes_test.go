package producer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// answer is an HTTP answer that no AWS service wrote.
func answer(status int, kind string) func(int, *http.Request) (*http.Response, error) {
	return func(n int, r *http.Request) (*http.Response, error) {
		if n > 2 {
			return nil, nil
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {kind}},
			Body: io.NopCloser(bytes.NewReader([]byte("<html>hello</html>"))), Request: r}, nil
	}
}

func refuse(err error) func(int, *http.Request) (*http.Response, error) {
	return func(n int, _ *http.Request) (*http.Response, error) {
		if n > 2 {
			return nil, nil
		}
		return nil, err
	}
}

// breakers make the first two calls of PutRecords fail the way each code that
// AWS has no name for is about.
var breakers = map[string]func(b *bubble){
	failure.CodeEmptyResponse: func(b *bubble) { b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.EmptyReply(true)}) },
	failure.CodeWrongCount:    func(b *bubble) { b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.WrongCount(1)}) },
	failure.CodeTimeout:       func(b *bubble) { b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.Delay(time.Hour)}) },
	failure.CodeReset:         func(b *bubble) { b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.LoseReply()}) },
	failure.CodeRefused:       func(b *bubble) { b.link.fail = refuse(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}) },
	failure.CodeDNS: func(b *bubble) {
		b.link.fail = refuse(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "kinesis", IsNotFound: true}})
	},
	failure.CodeTLSUntrusted: func(b *bubble) {
		b.link.fail = refuse(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})
	},
	failure.CodeTLSNotValidNow: func(b *bubble) {
		b.link.fail = refuse(&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}})
	},
	failure.CodeHTTP413:  func(b *bubble) { b.link.fail = answer(413, "text/html") },
	failure.CodeHTTP429:  func(b *bubble) { b.link.fail = answer(429, "text/html") },
	failure.CodeHTTP4xx:  func(b *bubble) { b.link.fail = answer(403, "text/plain") },
	failure.CodeHTTP5xx:  func(b *bubble) { b.link.fail = answer(502, "") },
	failure.CodeProxy5xx: func(b *bubble) { b.link.fail = answer(502, "text/html") },
	failure.CodeUnlisted: func(b *bubble) {
		b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.FailCall("NobodyKnowsThisException", 400, "new")})
	},
	failure.CodeHugeResponse: func(b *bubble) {
		b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.EndlessReply(`{"a":"b`)})
	},
	failure.CodePortal:     func(b *bubble) { b.link.fail = answer(511, "text/html") },
	failure.CodeRedirected: func(b *bubble) { b.link.fail = answer(302, "text/html") },
	failure.CodeNotKinesis: func(b *bubble) { b.link.fail = answer(403, "application/xml") },
	failure.CodeProxyLogin: func(b *bubble) { b.link.fail = answer(407, "text/html") },
	failure.CodeWrongRegion: func(b *bubble) {
		b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.FailCall("InvalidSignatureException", 0, "Credential should be scoped to a valid region: 'x', got 'y'.")})
	},
	failure.CodeProxyUnreachable: func(b *bubble) {
		b.link.fail = refuse(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: syscall.ECONNREFUSED})
	},
	failure.CodeProxyDenied: func(b *bubble) { b.link.fail = refuse(errors.New("Forbidden")) },
	failure.CodeProxyFailed: func(b *bubble) { b.link.fail = refuse(errors.New("Bad Gateway")) },
	// See TestNothingWasSent and TestLostBeforeItWasWritten: these are before the transport,
	// or within it.
	failure.CodeNotSent: nil, failure.CodeTLSFailed: nil, failure.CodeTooSlow: nil, failure.CodeTokenInClear: nil,
	failure.CodeNoCredentials: nil, failure.CodeCredentialsUnavailable: nil, failure.CodeCredentialsRefused: nil,
}

// TestEveryFailureClass has a test for each row of the failure table: two calls
// fail with its code, through the real SDK client; what is put arrives all the
// same, after the waits that the row asks for, and the state tells the row's
// advice meanwhile.
func TestEveryFailureClass(t *testing.T) {
	for _, rule := range failure.Rules() {
		t.Run(rule.Code, func(t *testing.T) {
			breaker, synthetic := breakers[rule.Code]
			if synthetic && breaker == nil {
				t.Skip("has a test of its own")
			}
			inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
				if synthetic {
					breaker(b)
				} else {
					b.Inject(kinesistest.Fault{Times: 2, Effect: kinesistest.FailCall(rule.Code, 0, "")})
				}
				var log logged
				p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, RequestTimeout: time.Minute, Logger: log.logger()})
				defer func() { require.NoError(t, p.Close(context.Background())) }()
				put(t, p, 100)
				took := untilDelivered(t, p, 2*time.Hour) - time.Second
				st := p.Stats()
				require.EqualValues(t, 100, st.Delivered)
				require.EqualValues(t, producer.Online, st.State)
				duplicates := inOrder(t, stored(t, b.Server), map[string]uint64{"pi": 100})

				least, most := 2*rule.Min, 2*rule.Max
				state := "backoff"
				switch rule.Class {
				case failure.Pause:
					state = "paused"
				case failure.Refresh, failure.Clock:
					least, most, state = rule.Min, rule.Max, "paused" // the first try again is at once
				case failure.Offline:
					state = "offline"
				case failure.Unknown:
					require.NotZero(t, st.DuplicatesSent)
					require.EqualValues(t, 2, st.Unknown)
					if rule.Code == failure.CodeEmptyResponse || rule.Code == failure.CodeWrongCount || rule.Code == failure.CodeReset {
						require.EqualValues(t, 200, duplicates, "these faults are after the commit")
						require.EqualValues(t, 200, st.DuplicatesSent)
					}
				}
				if rule.Code == failure.CodeTimeout {
					least, most = least+2*time.Minute, most+2*time.Minute
				}
				if rule.Class != failure.Bisect && rule.Class != failure.TooLarge {
					require.GreaterOrEqual(t, took, least)
					require.LessOrEqual(t, took, most+time.Second)
					code := rule.Code
					if code == failure.CodeUnlisted {
						code = "NobodyKnowsThisException"
					}
					line := log.find("code", code)
					require.NotNil(t, line, "%v", log.lines)
					require.Equal(t, rule.Advice, line["advice"])
					require.Equal(t, state, line["state"])
				} else {
					require.Less(t, took, time.Second, "splitting does not wait")
				}
				if rule.Class != failure.Unknown {
					require.Zero(t, st.DuplicatesSent)
					require.Zero(t, duplicates)
				}
			})
		})
	}
}

// TestEveryEntryFailure has the codes that come inside a 200.
func TestEveryEntryFailure(t *testing.T) {
	for _, code := range []string{"ProvisionedThroughputExceededException", "InternalFailure", "SomethingNewException"} {
		inBubble(t, 2, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
			b.Inject(kinesistest.Fault{Times: 3, Effect: kinesistest.FailEntries(code, 1)})
			p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
			defer func() { require.NoError(t, p.Close(context.Background())) }()
			put(t, p, 100)
			time.Sleep(1100 * time.Millisecond)
			rule := failure.Lookup(code)
			st := p.Stats()
			require.Equal(t, []any{producer.Backoff, code, rule.Advice}, []any{st.State, st.Code, st.Advice}, "an answer that stores nothing is no success")
			took := untilDelivered(t, p, time.Hour) + 100*time.Millisecond
			require.GreaterOrEqual(t, took, 3*rule.Min)
			require.LessOrEqual(t, took, 3*rule.Max)
			st = p.Stats()
			require.EqualValues(t, 3, st.Throttled+st.Failed)
			require.Equal(t, code == "ProvisionedThroughputExceededException", st.Throttled == 3)
			require.EqualValues(t, 4, st.Requests)
			require.Zero(t, inOrder(t, stored(t, b.Server), map[string]uint64{"pi": 100}))
		})
	}
}

// TestNotSent is the row for failures before the request was sent: the SDK
// cannot serialize or sign.
func TestNotSent(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		n := 0
		b.link.fail = func(int, *http.Request) (*http.Response, error) {
			if n++; n <= 2 {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("network is unreachable")}
			}
			return nil, nil
		}
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
		put(t, p, 10)
		time.Sleep(1500 * time.Millisecond)
		require.Equal(t, producer.Offline, p.Stats().State)
		untilDelivered(t, p, time.Hour)
		require.Zero(t, p.Stats().DuplicatesSent, "nothing was sent")
		require.NoError(t, p.Close(context.Background()))
	})
}

// TestFreshCredentials: the session token expires, and the producer has the SDK
// fetch another at once.
func TestFreshCredentials(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		fetched := 0
		provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			fetched++
			return aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey,
				SessionToken: fmt.Sprint("token", fetched), CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
		})
		p := newProducer(t, b.client(func(o *kinesis.Options) { o.Credentials = aws.NewCredentialsCache(provider) }), producer.Config{FlushInterval: time.Second})
		put(t, p, 1)
		require.NoError(t, p.Flush(ctx))
		b.ExpireToken("token1")
		put(t, p, 1)
		require.Less(t, untilDelivered(t, p, time.Minute), 2*time.Second)
		require.Equal(t, 2, fetched)
		require.NoError(t, p.Close(ctx))
	})
}

// TestPace: one shard takes a mebibyte a second, and a producer that keeps to
// that is never throttled.
func TestPace(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, MaxMemory: 64 << 20})
		const n, size = 100, 100_000
		for range n {
			_, err := p.PutBytes(ctx, "k", "", make([]byte, size))
			require.NoError(t, err)
		}
		took := untilDelivered(t, p, time.Minute)
		require.Zero(t, p.Stats().Throttled)
		require.Greater(t, took, (n*size/(1<<20)-1)*time.Second)
		require.Less(t, took, (n*size/(1<<20)+3)*time.Second)
		require.NoError(t, p.Close(ctx))
	})
}

// TestWrongClock: the device's clock is years behind, as one without a battery
// starts. The first call is refused, its answer's Date sets the time to sign with.
func TestWrongClock(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		b.Inject(kinesistest.Fault{Operation: kinesistest.AnyOperation, Effect: kinesistest.ClockOffset(26 * 365 * 24 * time.Hour)})
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
		put(t, p, 100)
		require.Less(t, untilDelivered(t, p, time.Hour), 3*time.Second)
		require.NoError(t, p.Close(ctx))
	})
}

// TestDrainsAreSpread: twenty devices lose one link and get it back; their drains
// begin at different times, over more than the interval of their tries.
func TestDrainsAreSpread(t *testing.T) {
	inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		down := true
		var mu sync.Mutex
		var seconds []int
		var ps []*producer.Producer
		for i := range 20 {
			calls := 0
			fail := roundTripper(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				if down {
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
				}
				if r.Header.Get("X-Amz-Target") == "Kinesis_20131202.PutRecords" {
					if calls++; calls == 2 { // the first is the probe
						seconds = append(seconds, int(time.Now().Unix()))
					}
				}
				return b.link.next.RoundTrip(r)
			})
			p := newProducer(t, b.client(func(o *kinesis.Options) { o.HTTPClient = &http.Client{Transport: fail} }),
				producer.Config{Device: fmt.Sprint("d", i), FlushInterval: time.Minute, Codec: compress.None})
			put(t, p, 5000)
			ps = append(ps, p)
		}
		time.Sleep(time.Hour)
		mu.Lock()
		down = false
		mu.Unlock()
		for _, p := range ps {
			untilDelivered(t, p, time.Hour)
			require.NoError(t, p.Close(ctx))
		}
		slices.Sort(seconds)
		require.Len(t, seconds, 20)
		require.Greater(t, len(slices.Compact(slices.Clone(seconds))), 12)
		require.Greater(t, seconds[19]-seconds[0], 25)
	})
}
