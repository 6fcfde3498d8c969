package guard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

const (
	// Patience is how long a provider has for its answer.
	Patience = 15 * time.Second
	// mostHung is how many calls of a provider that does not even heed its context
	// may be left running while another one is made: nothing can stop them. Beyond it
	// another one is made only after a rest of half a minute, doubled for each that hangs: a
	// provider that is well again is asked, and one that hangs for a year costs some 20 goroutines.
	mostHung  = 1
	leastRest = 30 * time.Second
	mostRests = 24 // doublings
	// shortestSecret is what an HMAC's key must have under GODEBUG=fips140=only, 112 bits, without the
	// four letters that Signature Version 4 puts before a secret.
	shortestSecret = 10
)

// Credentials asks a provider, which may take as long as it likes, and no call
// waits for longer than Patience, or than its own context. There is one question at
// a time, for all calls; beside questions that were given up and heed nothing, new ones
// become rare.
//
// Around a cache of the SDK it can only bound the wait: the cache joins all calls to
// the first, whose cancellation it hides from the provider.
type Credentials struct {
	provider aws.CredentialsProvider
	keep     bool

	mu      sync.Mutex
	kept    aws.Credentials
	current *question
	hung    int
	asked   time.Time // when the last question was
}

// question is one call of the provider.
type question struct {
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
	waiting int
	hung    bool // nobody waits for it any more
	creds   aws.Credentials
	err     error
}

// Cached returns Credentials that are kept until they expire, or are invalidated.
func Cached(p aws.CredentialsProvider) *Credentials { return &Credentials{provider: p, keep: true} }

// Invalidate forgets what is kept.
func (c *Credentials) Invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = aws.Credentials{}
}

// Retrieve returns credentials. Its errors are of type failure.Error.
func (c *Credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c.mu.Lock()
	if c.kept.HasKeys() && !c.kept.Expired() {
		defer c.mu.Unlock()
		return c.kept, nil
	}
	q := c.current
	if q == nil {
		if c.hung > mostHung && time.Since(c.asked) < leastRest<<min(c.hung-mostHung-1, mostRests) {
			c.mu.Unlock()
			return aws.Credentials{}, unavailable(errors.New("the credentials provider has not come back from earlier calls"))
		}
		q = c.ask(ctx)
	}
	q.waiting++
	c.mu.Unlock()

	var err error
	select {
	case <-q.done:
		return q.creds, q.err
	case <-q.ctx.Done():
		select {
		case <-q.done: // which ends the context too
			return q.creds, q.err
		default:
		}
		err = fmt.Errorf("the credentials provider did not answer within %v", Patience)
	case <-ctx.Done():
		err = fmt.Errorf("the credentials provider has not answered yet: %w", ctx.Err())
	}
	c.leave(q, ctx)
	return aws.Credentials{}, unavailable(err)
}

// ask calls the provider. c.mu is held.
func (c *Credentials) ask(ctx context.Context) *question {
	c.asked = time.Now()
	q := &question{done: make(chan struct{})}
	q.ctx, q.cancel = context.WithTimeout(context.WithoutCancel(ctx), Patience)
	c.current = q
	go func() {
		creds, err := c.provider.Retrieve(q.ctx)
		if err == nil {
			err = check(creds)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		defer q.cancel() // when it is done: who waits must not take it for late
		if q.hung {
			c.hung--
		} else {
			c.current = nil
		}
		if q.creds, q.err = creds, err; err != nil {
			q.creds, q.err = aws.Credentials{}, &failure.Error{Code: CodeOfProvider(err), Err: fmt.Errorf("get credentials: %w", err)}
		} else if c.keep && !c.kept.HasKeys() || c.keep && !q.hung {
			c.kept = creds
		}
		close(q.done)
	}()
	return q
}

// leave is called by who waits no longer. A question goes on without anybody who waits
// if it was a deadline that ended: its answer is for the next call. It is given up
// when its own time is over, or when the producer is closed.
func (c *Credentials) leave(q *question, ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.waiting--
	late := q.ctx.Err() != nil
	if q.hung || c.current != q || !late && (q.waiting > 0 || errors.Is(ctx.Err(), context.DeadlineExceeded)) {
		return
	}
	q.cancel()
	q.hung, c.current = true, nil
	c.hung++
}

func unavailable(err error) error {
	return &failure.Error{Code: failure.CodeCredentialsUnavailable, Err: err}
}

// check refuses credentials that nothing can be signed with.
func check(creds aws.Credentials) error {
	switch {
	case !creds.HasKeys():
		return &failure.Error{Code: failure.CodeNoCredentials, Err: errors.New("the credentials provider gave no keys")}
	case onlyFIPS() && len(creds.SecretAccessKey) < shortestSecret:
		return &failure.Error{Code: failure.CodeNoCredentials,
			Err: fmt.Errorf("the secret access key has %d bytes; GODEBUG=fips140=only wants %d at least, and AWS's own have 40", len(creds.SecretAccessKey), shortestSecret)}
	}
	return nil
}

// onlyFIPS reports whether the program runs under GODEBUG=fips140=only, where an HMAC
// whose key is short panics.
var onlyFIPS = sync.OnceValue(func() (only bool) {
	defer func() { only = recover() != nil }()
	hmac.New(sha256.New, nil)
	return false
})

// CodeOfProvider is the code of a provider that failed. Most failures pass; only
// what is clearly about the device's settings waits for a person.
func CodeOfProvider(err error) string {
	var known *failure.Error
	if errors.As(err, &known) {
		return known.Code
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		if n := answer.HTTPStatusCode(); n >= 400 && n < 500 && n != 408 && n != 429 {
			return failure.CodeCredentialsRefused
		}
		return failure.CodeCredentialsUnavailable
	}
	// The SDK has no types for these; the words are its own.
	for _, words := range []string{"static credentials are empty", "no EC2 IMDS role found", "failed to get shared config profile"} {
		if strings.Contains(err.Error(), words) {
			return failure.CodeNoCredentials
		}
	}
	return failure.CodeCredentialsUnavailable
}
