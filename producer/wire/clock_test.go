package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// TestClockFloor: a bubble's clock stands at 2000, as that of a device does that
// has no battery for it.
func TestClockFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, 2000, time.Now().Year())
		c := new(clock)
		require.Equal(t, builtAt, c.certificates())
		later := builtAt.AddDate(3, 0, 0)
		c.learn(later)
		c.learn(builtAt.AddDate(2, 0, 0)) // it is never lowered
		c.learn(builtAt.AddDate(21, 0, 0))
		require.Equal(t, later, c.certificates())
		require.Equal(t, later, c.signing(time.Now()))
		require.Equal(t, later.AddDate(1, 0, 0), c.signing(later.AddDate(1, 0, 0)))
	})
	require.False(t, builtAt.After(time.Now()))
	require.WithinDuration(t, time.Now(), new(clock).certificates(), time.Minute)
}

// served is a server whose certificate is for a certain time, whose Date is at, and
// a client of it.
type served struct {
	*Client
	date func() time.Time
}

func newServed(t *testing.T, from, to time.Time, cfg Config) *served {
	s := &served{date: time.Now}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.date().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", cborType)
		_, _ = w.Write([]byte("\xa0"))
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = quiet
	srv.StartTLS()
	t.Cleanup(srv.Close)
	cfg.RootCAs = x509.NewCertPool()
	cfg.RootCAs.AddCert(cert)
	cfg.Endpoint, cfg.Credentials = srv.URL, session(0)
	s.Client, err = NewClient(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// TestTrustedTime: the program is old, the device's clock older, and the certificate
// new. Whoever was right once accepts it.
func TestTrustedTime(t *testing.T) {
	year := func(n int) time.Time { return time.Now().AddDate(n, 0, 0).Truncate(time.Second) }
	c := newServed(t, year(2), year(4), Config{})
	c.date = func() time.Time { return year(3) }
	require.True(t, c.TrustedTime().IsZero())
	require.ErrorContains(t, putOne(c.Client, 1), "not yet valid")
	require.True(t, c.TrustedTime().IsZero(), "nobody has proved anything")
	c.LearnTime(year(2).Add(time.Hour))
	require.NoError(t, putOne(c.Client, 1))
	require.WithinDuration(t, year(3), c.TrustedTime(), time.Minute)

	// It goes on from there, and not back.
	trusted := c.TrustedTime()
	c.date = func() time.Time { return year(2) }
	require.NoError(t, putOne(c.Client, 1))
	require.Equal(t, trusted, c.TrustedTime())
	require.False(t, c.clock.certificates().Before(trusted))

	// What the next start learns.
	again := newServed(t, year(2), year(4), Config{})
	again.LearnTime(trusted)
	require.NoError(t, putOne(again.Client, 1))
}

// TestTimeThatIsNotTrusted: nobody teaches a time by an unproved answer, nor one at
// which its own certificate would not be valid.
func TestTimeThatIsNotTrusted(t *testing.T) {
	year := func(n int) time.Time { return time.Now().AddDate(n, 0, 0) }
	c := newServed(t, year(-1), year(1), Config{})
	for _, date := range []time.Time{year(2), year(8000), year(-2)} {
		c.date = func() time.Time { return date }
		require.NoError(t, putOne(c.Client, 1))
		require.True(t, c.TrustedTime().IsZero(), "%v", date)
	}
	c.date = time.Now
	require.NoError(t, putOne(c.Client, 1))
	require.WithinDuration(t, time.Now(), c.TrustedTime(), time.Minute)

	c = newServed(t, year(-1), year(1), Config{Insecure: true})
	require.NoError(t, putOne(c.Client, 1))
	require.True(t, c.TrustedTime().IsZero())

	plain, err := kinesistest.Start(kinesistest.Config{Plain: true})
	require.NoError(t, err)
	defer plain.Close()
	p, err := NewClient(Config{Endpoint: plain.URL(), Credentials: plain.Credentials()})
	require.NoError(t, err)
	defer p.Close()
	require.Error(t, putOne(p, 1), "no such stream, in an answer with a date")
	require.True(t, p.TrustedTime().IsZero())
}

// TestWrongTimeLearned: what was kept is years ahead, and every certificate has expired
// by it. The device's own clock is tried, and what proves itself so corrects it.
func TestWrongTimeLearned(t *testing.T) {
	year := func(n int) time.Time { return time.Now().AddDate(n, 0, 0) }
	c := newServed(t, year(-1), year(1), Config{})
	c.LearnTime(year(10))
	require.NoError(t, putOne(c.Client, 1))
	require.WithinDuration(t, time.Now(), c.clock.certificates(), time.Minute)

	// One that is expired by either is refused, each time by both.
	c = newServed(t, year(-3), year(-2), Config{})
	c.LearnTime(year(10))
	for range 3 {
		require.ErrorContains(t, putOne(c.Client, 1), "expired")
	}
	require.False(t, c.clock.doubt(errors.New("another")))
}
