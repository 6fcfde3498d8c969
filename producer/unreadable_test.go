package producer_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/retry"
)

// away is a buffer whose disk cannot be read for a while.
type away struct {
	retry.Buffer
	gone  atomic.Bool
	asked atomic.Int64
}

func (a *away) Next(n int) []retry.Entry {
	a.asked.Add(1)
	if a.gone.Load() {
		return nil
	}
	return a.Buffer.Next(n)
}

func TestBufferThatCannotBeReadForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := retry.NewMemory(retry.Options{})
		require.NoError(t, err)
		buf := &away{Buffer: m}
		buf.gone.Store(true)
		p := newProducer(t, &fake{}, producer.Config{Buffer: buf, Schema: envSchema(t)})
		put(t, p, 10)
		time.Sleep(time.Hour)
		require.EqualValues(t, 10, p.Stats().Pending)
		require.Less(t, buf.asked.Load(), int64(1000), "it does not ask all the time")
		buf.gone.Store(false)
		time.Sleep(time.Minute)
		require.EqualValues(t, 10, p.Stats().Delivered, "without another Put")
		end(p)
	})
}
