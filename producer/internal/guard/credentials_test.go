package guard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// scripted is a provider whose calls do what a test says.
type scripted struct {
	calls, alive, most atomic.Int32
	do                 func(ctx context.Context, call int) (aws.Credentials, error)
}

func (s *scripted) Retrieve(ctx context.Context) (aws.Credentials, error) {
	s.most.Store(max(s.most.Load(), s.alive.Add(1)))
	defer s.alive.Add(-1)
	return s.do(ctx, int(s.calls.Add(1)))
}

func keys(token string) aws.Credentials {
	return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SessionToken: token}
}

func codeOf(t *testing.T, err error) string {
	var known *failure.Error
	require.ErrorAs(t, err, &known)
	return known.Code
}

// kinds are how Credentials are used: by a wire.Client, and around the provider, or the
// cache, of any other.
var kinds = map[string]func(p aws.CredentialsProvider) aws.CredentialsProvider{
	"kept":   func(p aws.CredentialsProvider) aws.CredentialsProvider { return Cached(p) },
	"passed": func(p aws.CredentialsProvider) aws.CredentialsProvider { return New().credentials(p) },
}

// TestAProviderThatWaitsOnItsContext: it gets one that ends, whatever that of the call
// is, and the next call finds it well.
func TestAProviderThatWaitsOnItsContext(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &scripted{do: func(ctx context.Context, call int) (aws.Credentials, error) {
					if call == 1 {
						<-ctx.Done()
						return aws.Credentials{}, ctx.Err()
					}
					return keys("t"), nil
				}}
				c := kind(p)
				began := time.Now()
				_, err := c.Retrieve(context.Background())
				require.Equal(t, failure.CodeCredentialsUnavailable, codeOf(t, err))
				require.Equal(t, Patience, time.Since(began))
				creds, err := c.Retrieve(context.Background())
				require.NoError(t, err)
				require.Equal(t, "t", creds.SessionToken)
				synctest.Wait()
				require.Zero(t, p.alive.Load())
			})
		})
	}
}

// TestAProviderThatHangs: it heeds nothing. Calls end in time, later ones work when it is
// well again, and however long it is not, few of its calls are alive.
func TestAProviderThatHangs(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var hanging atomic.Int32
				hanging.Store(1)
				p := &scripted{do: func(_ context.Context, call int) (aws.Credentials, error) {
					if call <= int(hanging.Load()) {
						<-release
					}
					return keys("t"), nil
				}}
				c := kind(p)
				_, err := c.Retrieve(context.Background())
				require.ErrorContains(t, err, "did not answer within 15s")
				_, err = c.Retrieve(context.Background())
				require.NoError(t, err, "the first one still hangs")

				hanging.Store(1000)
				if k, ok := c.(*Credentials); ok {
					k.Invalidate()
				}
				for range 100 {
					began := time.Now()
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					_, err := c.Retrieve(ctx)
					cancel()
					require.Equal(t, failure.CodeCredentialsUnavailable, codeOf(t, err))
					require.LessOrEqual(t, time.Since(began), Patience)
				}
				require.EqualValues(t, 2, p.most.Load())
				require.EqualValues(t, 3, p.calls.Load())
				for range 24 * 60 { // a day: it is asked again, more and more rarely
					time.Sleep(time.Minute)
					_, err = c.Retrieve(context.Background())
					require.Error(t, err)
				}
				require.LessOrEqual(t, p.most.Load(), int32(15))
				hanging.Store(0) // it is well again, and no call that hangs comes back
				time.Sleep(48 * time.Hour)
				_, err = c.Retrieve(context.Background())
				require.NoError(t, err)
				close(release)
				synctest.Wait()
			})
		})
	}
}

// TestCloseDoesNotWaitForAProvider: a call that is cancelled ends at once, and its
// question with it; one that is late leaves it to the next.
func TestCloseDoesNotWaitForAProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		p := &scripted{do: func(ctx context.Context, _ int) (aws.Credentials, error) {
			select {
			case <-ctx.Done():
				return aws.Credentials{}, ctx.Err()
			case <-time.After(5 * time.Second):
				return keys("t"), nil
			}
		}}
		c := Cached(p)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := c.Retrieve(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(began))
		synctest.Wait()
		require.Zero(t, p.alive.Load(), "nobody waits for it")
		require.LessOrEqual(t, runtime.NumGoroutine(), before)

		for i := range 5 { // a second each, of which it needs five
			ctx, cancel := context.WithTimeout(context.Background(), time.Second+time.Millisecond)
			_, err = c.Retrieve(ctx)
			cancel()
			require.Equal(t, i < 4, err != nil, "%d: %v", i, err)
		}
		require.EqualValues(t, 2, p.calls.Load(), "one question for all")
	})
}

// TestOneQuestionForAll: calls at the same time share one.
func TestOneQuestionForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &scripted{do: func(context.Context, int) (aws.Credentials, error) {
			time.Sleep(time.Second)
			c := keys("t")
			c.CanExpire, c.Expires = true, time.Now().Add(time.Hour)
			return c, nil
		}}
		c := Cached(p)
		ask := func() {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					_, err := c.Retrieve(context.Background())
					require.NoError(t, err)
				})
			}
			all.Wait()
		}
		ask()
		ask()
		require.EqualValues(t, 1, p.calls.Load())
		time.Sleep(time.Hour)
		ask()
		require.EqualValues(t, 2, p.calls.Load(), "they had expired")
		c.Invalidate()
		ask()
		require.EqualValues(t, 3, p.calls.Load())
	})
	// Never is an answer that is there taken for one that is late.
	c := New().credentials(&scripted{do: func(context.Context, int) (aws.Credentials, error) { return keys("t"), nil }})
	for range 20_000 {
		_, err := c.Retrieve(context.Background())
		require.NoError(t, err)
	}
}

type status int

func (s status) Error() string       { return fmt.Sprint("status ", int(s)) }
func (s status) HTTPStatusCode() int { return int(s) }

// TestCodesOfProviders: what passes is told from what somebody has to put right.
func TestCodesOfProviders(t *testing.T) {
	for want, errs := range map[string][]error{
		failure.CodeCredentialsUnavailable: {context.DeadlineExceeded, status(500), status(503), status(429), status(408), errors.New("503"), fmt.Errorf("x: %w", status(502))},
		failure.CodeCredentialsRefused:     {status(400), status(403), status(404)},
		failure.CodeNoCredentials: {errors.New("static credentials are empty"), errors.New("failed to refresh cached credentials, no EC2 IMDS role found, …"),
			&failure.Error{Code: failure.CodeNoCredentials, Err: errors.New("x")}, nil},
	} {
		for _, err := range errs {
			_, got := Cached(&scripted{do: func(context.Context, int) (aws.Credentials, error) { return aws.Credentials{}, err }}).Retrieve(context.Background())
			require.Equal(t, want, codeOf(t, got), "%v", err)
		}
	}
}
