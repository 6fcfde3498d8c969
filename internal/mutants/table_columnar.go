package mutants

// columnar is the columnar frame.
var columnar = []Mutant{
	{
		Name:  "the checksum of a columnar frame is not checked",
		Whose: ours + ": frames outside of aggregates have no other",
		Test:  "TestDamage",
		Edits: edit("compress/columnar_decode.go", "if !fits(frame, binary.BigEndian.Uint32(frame)) {", "if columnarChecksum(0, frame) == 1 {"),
	},
	{
		Name:  "a carry of the range coder is lost",
		Whose: "range coders written from memory",
		Test:  "TestColumnarFloats/any_bits",
		Edits: edit("compress/rangecoder.go", "carry := byte(e.low >> 32)", "carry := byte(e.low >> 33)"),
	},
	{
		Name:  "a float is taken for the integer that it is equal to, -0 for 0",
		Whose: "codecs that compare floats by ==",
		Test:  "TestColumnarFloats/decimals_and_-0",
		Edits: edit("compress/columnar_floats.go", "return k, math.Float64bits(fromInteger(k, way, scale)) == math.Float64bits(f)", "return k, fromInteger(k, way, scale) == f"),
	},
	{
		Name:  "a column is derived from one of which it is no function",
		Whose: ours,
		Test:  "TestColumnarDerived",
		Edits: edit("compress/columnar_choose.go", "} else if f.trial[at] != v[i] {", "} else if false {"),
	},
	{
		Name:  "records with their readings in another order get those of the first",
		Whose: ours,
		Test:  "TestColumnarSeries",
		Edits: edit("record/columnset.go", "slices.BinarySearch(have, from); at < len(have)", "slices.BinarySearch(have, 0); at < len(have)"),
		Pkg:   "compress",
	},
	{
		Name:  "what the records of a columnar frame take is not held against the limit",
		Whose: ours + ": a hundred bytes may be a million records",
		Test:  "TestColumnarEmptyAndLarge",
		Edits: edit("compress/columnar_decode_series.go", "!d.spend(int64(s.n), cost)", "cost < 0"),
	},
	{
		Name:  "memory for the records of a columnar frame is taken before the limit is asked",
		Whose: ours,
		Test:  "TestColumnarEmptyAndLarge",
		Edits: edit("compress/columnar_decode.go", "if !d.spend(records, recordCost) {", "if d.of = make([]int64, records); !d.spend(records, recordCost) {"),
	},
}
