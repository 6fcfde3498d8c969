package producer_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// TestAProviderThatHangs: the sender says after fifteen seconds what is wrong, and goes
// on when credentials are there again; Close does not wait for them.
func TestAProviderThatHangs(t *testing.T) {
	good := aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey}
	for name, hang := range map[string]func(ctx context.Context, release chan struct{}){
		"on its context": func(ctx context.Context, _ chan struct{}) { <-ctx.Done() },
		"for good":       func(_ context.Context, release chan struct{}) { <-release },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
				release := make(chan struct{})
				defer close(release)
				var calls atomic.Int32
				creds := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
					if calls.Add(1) == 1 {
						hang(ctx, release)
						return aws.Credentials{}, context.DeadlineExceeded
					}
					return good, nil
				})
				p := newProducer(t, b.client(func(o *kinesis.Options) { o.Credentials = creds }), producer.Config{FlushInterval: time.Second})
				put(t, p, 10)
				began := time.Now()
				for p.Stats().State == producer.Online && time.Since(began) < time.Minute {
					time.Sleep(100 * time.Millisecond)
				}
				require.Less(t, time.Since(began), 17*time.Second)
				st := p.Stats()
				require.Equal(t, []any{producer.Offline, failure.CodeCredentialsUnavailable}, []any{st.State, st.Code})
				require.Equal(t, failure.Lookup(failure.CodeCredentialsUnavailable).Advice, st.Advice)
				untilDelivered(t, p, time.Minute)
				st = p.Stats()
				require.Zero(t, st.Unknown+st.DuplicatesSent)
				require.NoError(t, p.Close(ctx))
			})
		})
	}
}

// TestTheSDKsCacheAroundAProviderThatHangs: the cache joins every call to the first and
// hides from the provider that it is given up. It stays so, but says so, and Close ends.
func TestTheSDKsCacheAroundAProviderThatHangs(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		release := make(chan struct{})
		defer close(release)
		creds := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			select {
			case <-ctx.Done():
			case <-release:
			}
			return aws.Credentials{}, context.Canceled
		}))
		p := newProducer(t, b.client(func(o *kinesis.Options) { o.Credentials = creds }), producer.Config{FlushInterval: time.Second})
		put(t, p, 10)
		time.Sleep(time.Hour)
		st := p.Stats()
		require.Equal(t, []any{producer.Offline, failure.CodeCredentialsUnavailable}, []any{st.State, st.Code})
		began := time.Now()
		end(p)
		require.Less(t, time.Since(began), time.Second)
	})
}
