package partition_test

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/partition"
)

// Which shard does a device's record land on?
func Example() {
	ranges := partition.Even(2) // a new stream with two shards
	shards, err := partition.NewMap([]partition.Shard{
		{ID: "shardId-000000000000", Range: ranges[0]},
		{ID: "shardId-000000000001", Range: ranges[1]},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := partition.ByDevice()
	hash := partition.HashKey(keys.Key("pi-7f3a", 1))
	fmt.Println(hash)
	fmt.Println(shards.Predict(hash).ID)
	// Output:
	// 111138244493337425957114355901820237657
	// shardId-000000000000
}

func ExampleSpread() {
	keys, _ := partition.Spread(3)
	for seq := uint64(0); seq < 4; seq++ {
		fmt.Println(keys.Key("camera", seq))
	}
	// Output:
	// camera#0
	// camera#1
	// camera#3
	// camera#0
}

func ExampleNewMap_gap() {
	ranges := partition.Even(4)
	_, err := partition.NewMap([]partition.Shard{
		{ID: "shard-a", Range: ranges[0]},
		{ID: "shard-b", Range: ranges[2]},
		{ID: "shard-c", Range: ranges[3]},
	})
	fmt.Println(err)
	// Output:
	// partition: shard map has a gap: no shard owns 85070591730234615865843651857942052864..170141183460469231731687303715884105727, between shard-a and shard-b
}

func ExampleBalance() {
	ranges := partition.Even(2)
	shards, _ := partition.NewMap([]partition.Shard{
		{ID: "shardId-000000000000", Range: ranges[0]},
		{ID: "shardId-000000000001", Range: ranges[1]},
	})
	b := partition.NewBalance(shards)
	for i := range 20 {
		b.Add(fmt.Sprintf("pi-%d", i), 60, 6000)
	}
	b.Add("gateway", 3600, 360000)
	fmt.Print(b.Report())
	// Output:
	// shard                 hash space       records   share        bytes   share
	// shardId-000000000000       50.0%          4260   88.8%       426000   88.8%
	// shardId-000000000001       50.0%           540   11.2%        54000   11.2%
	// hottest key  "gateway" on shardId-000000000000: 3600 records 75.0%, 360000 bytes 75.0%
	// imbalance    1.77 (busiest shard / mean; 1 is even)
	// advice       key "gateway" alone is 1.5 times the mean shard; spread it over several keys
}
