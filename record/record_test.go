package record

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type env struct {
	At          time.Time `rivulet:",time"`
	From        string    `rivulet:",device"`
	Site        string    `rivulet:"site,meta"`
	Temperature float64   `rivulet:"temperature,unit=Cel,min=-40,max=85,required" doc:"air, indoors"`
	Humidity    *float32  `rivulet:"humidity,unit=%RH,min=0,max=100"`
	Count       uint32    `rivulet:"count"`
	Big         uint64    `rivulet:"big"`
	Motion      bool      `rivulet:"motion"`
	Note        string    `rivulet:"note"`
	Hidden      chan int  `rivulet:"-"`
}

func envSchema(t testing.TB) *Schema {
	s, err := SchemaOf[env]("env", 1)
	require.NoError(t, err)
	return s
}

var now = time.Date(2026, 11, 22, 21, 40, 1, 123_456_789, time.UTC)

func ptr[T any](v T) *T { return &v }

func TestTypedRoundTrip(t *testing.T) {
	s := envSchema(t)
	row, dev, err := s.AppendTyped(nil, env{From: "pi-1", Site: "north", Temperature: 0, Humidity: ptr(float32(74.7)),
		Count: math.MaxUint32, Big: math.MaxInt64, Motion: true, Note: "h\"é\n\x01"}, now)
	require.NoError(t, err)
	require.Equal(t, "pi-1", dev)

	r := Record{ID: ID{dev, 0x9f3c1e7a55d20b86, 4211}}
	require.NoError(t, NewDecoder(s).Decode(&r, row))
	require.Equal(t, "env/1", r.Schema)
	require.Equal(t, now.Truncate(time.Millisecond), r.Time)
	line := AppendJSON(nil, &r)
	require.Equal(t, `{"device_id":"pi-1","boot":"9f3c1e7a55d20b86","seq":4211,"ts":"2026-11-22T21:40:01.123Z","schema":"env/1","meta":{"site":"north"},`+
		`"readings":{"temperature":0.0,"humidity":74.69999694824219,"count":4294967295,"big":9223372036854775807,"motion":true,"note":"h\"é\n\u0001"}}`, string(line))
	back, err := ParseJSON(line)
	require.NoError(t, err)
	require.Equal(t, r.Clone(), back)

	// The same record, dynamic, gives the same row.
	again, err := AppendRecord(nil, s, &back, now)
	require.NoError(t, err)
	require.Equal(t, row, again)
}

func TestTypedErrorsNameEveryField(t *testing.T) {
	s := envSchema(t)
	dst := []byte("kept")
	out, _, err := s.AppendTyped(dst, &env{Temperature: 131.5, Humidity: ptr(float32(math.NaN())), Big: 1 << 63, Note: "a\xff"}, now)
	require.Equal(t, dst, out, "nothing of a refused record is kept")
	var ve *ValidationError
	require.ErrorAs(t, err, &ve)
	require.Len(t, ve.Fields, 4)
	require.EqualError(t, err, "record: env/1: temperature = 131.5: above the maximum 85 Cel; "+
		"humidity = NaN: not a finite number; leave the reading out instead; "+
		"big = 9223372036854775808: above the largest int, 9223372036854775807; note = \"a\\xff\": not valid UTF-8")

	for name, v := range map[string]any{"nil": nil, "nil pointer": (*env)(nil), "another type": struct{}{}, "int": 1} {
		_, _, err := s.AppendTyped(nil, v, now)
		require.ErrorContains(t, err, "takes a record.env, got", name)
	}
	type onePointer struct { // which an interface holds directly
		P *float64 `rivulet:"p"`
	}
	one, err := SchemaOf[onePointer]("one", 1)
	require.NoError(t, err)
	for _, v := range []any{onePointer{}, onePointer{ptr(1.5)}, &onePointer{ptr(1.5)}, &onePointer{}} {
		row, _, err := one.AppendTyped(nil, v, now)
		require.NoError(t, err)
		var r Record
		require.NoError(t, NewDecoder(one).Decode(&r, row))
		if rv := reflect.Indirect(reflect.ValueOf(v)).Field(0); rv.IsNil() {
			require.Empty(t, r.Readings)
		} else {
			require.Equal(t, []Reading{{"p", FloatValue(1.5)}}, r.Readings)
		}
	}
	byHand, err := NewSchema("x", 1, Field{Name: "a", Kind: Int})
	require.NoError(t, err)
	_, _, err = byHand.AppendTyped(nil, env{}, now)
	require.ErrorContains(t, err, "takes a record.Record")
}

func TestEveryGoKind(t *testing.T) {
	type all struct {
		F32 float32  `rivulet:"f32"`
		F64 float64  `rivulet:"f64"`
		I   int      `rivulet:"i"`
		I8  int8     `rivulet:"i8"`
		I16 int16    `rivulet:"i16"`
		I32 int32    `rivulet:"i32"`
		I64 int64    `rivulet:"i64"`
		U   uint     `rivulet:"u"`
		U8  uint8    `rivulet:"u8"`
		U16 uint16   `rivulet:"u16"`
		U32 uint32   `rivulet:"u32"`
		U64 uint64   `rivulet:"u64"`
		B   bool     `rivulet:"b"`
		S   string   `rivulet:"s"`
		PB  *bool    `rivulet:"pb"`
		PS  *string  `rivulet:"ps"`
		PI  *int64   `rivulet:"pi"`
		PF  *float32 `rivulet:"pf"`
	}
	s, err := SchemaOf[all]("all", 2)
	require.NoError(t, err)
	row, _, err := s.AppendTyped(nil, all{1.5, -2.5, -1, -128, -32768, math.MinInt32, math.MinInt64, 7, 255, 65535, math.MaxUint32, math.MaxInt64,
		true, "s", ptr(false), ptr("ps"), ptr(int64(-5)), ptr(float32(0.25))}, now)
	require.NoError(t, err)
	var r Record
	require.NoError(t, NewDecoder(s).Decode(&r, row))
	line := string(AppendJSON(nil, &r))
	require.Contains(t, line, `"readings":{"f32":1.5,"f64":-2.5,"i":-1,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,`+
		`"u":7,"u8":255,"u16":65535,"u32":4294967295,"u64":9223372036854775807,"b":true,"s":"s","pb":false,"ps":"ps","pi":-5,"pf":0.25}`)
}

func TestRequired(t *testing.T) {
	type req struct {
		A *float64 `rivulet:"a,required"`
	}
	s, err := SchemaOf[req]("r", 1)
	require.NoError(t, err)
	_, _, err = s.AppendTyped(nil, req{}, now)
	require.ErrorContains(t, err, "a = nil: required, but absent")
	_, err = AppendRecord(nil, s, &Record{}, now)
	require.ErrorContains(t, err, "a: required, but absent")
}

func TestSchemaOfRefusesBadStructs(t *testing.T) {
	check := func(err error, parts ...string) {
		t.Helper()
		require.Error(t, err)
		for _, p := range parts {
			require.ErrorContains(t, err, p)
		}
	}
	_, err := SchemaOf[struct {
		A float64
		b int     `rivulet:"b"`
		C []int   `rivulet:"c"`
		D string  `rivulet:",time"`
		E float64 `rivulet:"e,max=hot,colour=red"`
	}]("x", 1)
	check(err, "A: has no rivulet tag", "b: is not exported", "C = []int: a reading is", "D = \",time\": needs", `E = "max=hot": the limit is not a number`, `E = "colour=red": unknown option`)
	_, err = SchemaOf[int]("x", 1)
	check(err, "needs a struct type, got int")
	_, err = SchemaOf[struct {
		A float64 `rivulet:"Bad Name,unit=°C,min=2,max=1"`
		B bool    `rivulet:"ts,min=1"`
		C int     `rivulet:"c,unit=a b"`
		D int     `rivulet:"c"`
	}]("Upper", 0)
	check(err, `name = "Upper"`, "version = 0", `"Bad Name"`, "did you mean Cel?", "min 2 is above max 1", "the name is taken", "not for a bool", `unit "a b"`, "c: declared twice")
}

func TestFreeRecords(t *testing.T) {
	r := Record{ID: ID{"gw", 1, 2}, Time: now.Truncate(time.Millisecond), Schema: "other/3", Meta: []Meta{{"empty", ""}, {"a", "b"}},
		Readings: []Reading{{"f", FloatValue(21)}, {"i", IntValue(21)}, {"b", BoolValue(false)}, {"s", StringValue("")}, {"neg0", FloatValue(math.Copysign(0, -1))}}}
	row, err := AppendRecord(nil, envSchema(t), &r, time.Time{})
	require.NoError(t, err)
	got := Record{ID: r.ID}
	require.NoError(t, NewDecoder().Decode(&got, row))
	require.Equal(t, r, got)
	line := AppendJSON(nil, &got)
	require.Contains(t, string(line), `"readings":{"f":21.0,"i":21,"b":false,"s":"","neg0":-0.0}`)
	back, err := ParseJSON(line)
	require.NoError(t, err)
	require.Equal(t, r, back)

	_, err = AppendRecord(nil, nil, &Record{Meta: []Meta{{"m", "1"}, {"m", "2"}, {"", "x"}},
		Readings: []Reading{{"a", FloatValue(math.Inf(1))}, {"a", IntValue(1)}, {"", IntValue(1)}, {"z", Value{}}, {"u", StringValue("\xc0")}}}, now)
	for _, want := range []string{"meta.m: given twice", `meta = "": a metadata name`, "a = +Inf: not a finite", "a = 1: given twice", `"": a reading's name`, "z = no value", "not valid UTF-8"} {
		require.ErrorContains(t, err, want)
	}
	_, err = AppendRecord(nil, envSchema(t), &Record{Readings: []Reading{{"temperature", IntValue(1)}, {"pressure", FloatValue(1)}, {"note", StringValue("")}, {"note", StringValue("")}}}, now)
	for _, want := range []string{"temperature = 1: is of kind int, the schema says float", "pressure = 1.0: is not a field", `note = "": given twice`} {
		require.ErrorContains(t, err, want)
	}
	_, err = AppendRecord(nil, nil, &Record{Readings: []Reading{{"s", StringValue(strings.Repeat("x", MaxRowBytes))}}}, now)
	require.ErrorContains(t, err, "above the limit of 131072 bytes encoded")
	_, err = AppendRecord(nil, nil, &Record{Readings: make([]Reading, MaxReadings+1)}, now)
	require.ErrorContains(t, err, "readings = 513")
	_, err = AppendRecord(nil, nil, &Record{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, now)
	require.ErrorContains(t, err, "ts = 10000")
}

func TestEveryFloatSurvivesJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	special := []float64{0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64, 1e21, 1e-7, 1e-6, 123456789, 0.1}
	for i := range 200_000 {
		f := math.Float64frombits(rng.Uint64())
		if i < len(special) {
			f = special[i]
		}
		if f-f != 0 {
			continue
		}
		r := Record{ID: ID{Device: "d"}, Readings: []Reading{{"x", FloatValue(f)}}}
		back, err := ParseJSON(AppendJSON(nil, &r))
		require.NoError(t, err)
		require.Equal(t, r.Readings, back.Readings)
	}
}

func TestParseJSONIsStrict(t *testing.T) {
	for in, want := range map[string]string{
		``:                                  "ends too early",
		`{`:                                 "",
		`[]`:                                "record = […]: it is an object",
		`{"device_id":"a"} x`:               "",
		`{"device_id":"a"}{}`:               "follows",
		`{"readings":{}}`:                   "device_id is missing",
		`{"device_id":""}`:                  "1 to 128 characters",
		`{"device_id":1}`:                   "device_id = 1: a device id is text",
		`{"device_id":"a","x":1}`:           `unknown member "x"`,
		`{"device_id":"a","device_id":"b"}`: "given twice",
		`{"device_id":"a","boot":17}`:       `boot = 17: a boot is text of 16 lower-case hexadecimal digits, such as "9f3c1e7a55d20b86"`,
		`{"device_id":"a","boot":"17"}`:     `boot = "17": a boot is`,
		`{"device_id":"a","boot":null}`:     `boot = null: a boot is`,
		`{"device_id":"a","boot":"9F3C1E7A55D20B86"}`:            `boot = "9F3C1E7A55D20B86": a boot is`,
		`{"device_id":"a","boot":"+f3c1e7a55d20b86"}`:            `boot = "+f3c1e7a55d20b86": a boot is`,
		`{"device_id":"a","seq":-1}`:                             "seq = -1",
		`{"device_id":"a","ts":"yesterday"}`:                     `ts = "yesterday": a time is text`,
		`{"device_id":"a","readings":[]}`:                        "readings = […]: it is an object of names",
		`{"device_id":"a","readings":{"t":null}}`:                "t = null: leave a reading",
		`{"device_id":"a","readings":{"t":[1]}}`:                 "t = […]: a reading is a number",
		`{"device_id":"a","readings":{"":1}}`:                    `"": a name is 1 to 128 bytes of UTF-8, this one has 0`,
		`{"device_id":"a","readings":{"t":1,"t":2}}`:             "given twice",
		`{"device_id":"a","readings":{"t":9223372036854775808}}`: "does not fit a 64-bit integer",
		`{"device_id":"a","readings":{"t":1e999}}`:               "does not fit a 64-bit float",
		`{"device_id":"a","meta":{"m":1}}`:                       "meta.m = 1: metadata is text",
		"{\"device_id\":\"\xff\"}":                               "not valid UTF-8",
	} {
		_, err := ParseJSON([]byte(in))
		require.ErrorIs(t, err, ErrJSON, in)
		require.ErrorContains(t, err, want, in)
	}
	_, err := ParseJSON(make([]byte, MaxJSONBytes+1))
	require.ErrorContains(t, err, "the limit is 1048576")
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	s := envSchema(t)
	buf := make([]byte, 0, 4096)
	h := float32(50)
	v := env{Site: "north", Temperature: 21.5, Humidity: &h, Note: "fine"}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, _, err := s.AppendTyped(buf, v, now); err != nil {
			panic(err)
		}
	}), "by value")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, _, err := s.AppendTyped(buf, &v, now); err != nil {
			panic(err)
		}
	}), "by pointer")
	row, _, err := s.AppendTyped(nil, v, now)
	require.NoError(t, err)
	var r Record
	d := NewDecoder(s)
	require.NoError(t, d.Decode(&r, row))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := d.Decode(&r, row); err != nil {
			panic(err)
		}
		AppendJSON(buf, &r)
		if _, err := AppendRecord(buf, s, &r, now); err != nil {
			panic(err)
		}
	}), "decode and JSON")
}

func TestDecodeRefusesDamage(t *testing.T) {
	s := envSchema(t)
	row, _, err := s.AppendTyped(nil, env{Site: "x", Temperature: 1, Note: "abc"}, now)
	require.NoError(t, err)
	d, r := NewDecoder(s), Record{}
	for n := range row {
		require.ErrorIs(t, d.Decode(&r, row[:n]), ErrRow, "cut at %d", n)
	}
	require.ErrorIs(t, d.Decode(&r, append(row[:len(row):len(row)], 0)), ErrRow)
	require.ErrorContains(t, NewDecoder().Decode(&r, row), "is not known here")
}

func FuzzDecode(f *testing.F) {
	s := envSchema(f)
	row, _, _ := s.AppendTyped(nil, env{Site: "x", Temperature: 1, Note: "abc"}, now)
	f.Add(row)
	free, _ := AppendRecord(nil, nil, &Record{Readings: []Reading{{"a", IntValue(-3)}}}, now)
	f.Add(free)
	d := NewDecoder(s)
	f.Fuzz(func(t *testing.T, row []byte) {
		var r Record
		if d.Decode(&r, row) == nil {
			AppendJSON(nil, &r)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"device_id":"a","boot":"9f3c1e7a55d20b86","seq":2,"ts":"2026-11-22T21:40:01.123Z","schema":"e/1","meta":{"a":"b"},"readings":{"t":1.5,"u":-3,"b":true,"s":"\u00e9"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseJSON(data)
		if err != nil {
			return
		}
		if y := r.Time.Year(); y < 0 || y > 9999 {
			return
		}
		again, err := ParseJSON(AppendJSON(nil, &r))
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

func BenchmarkAppendTyped(b *testing.B) {
	s := envSchema(b)
	buf := make([]byte, 0, 4096)
	h := float32(50)
	v := env{Site: "north", Temperature: 21.5, Humidity: &h, Note: "fine"}
	b.ReportAllocs()
	for b.Loop() {
		s.AppendTyped(buf, v, now)
	}
}

func TestStoredSchemasAreReadLeniently(t *testing.T) {
	s := envSchema(t)
	row, _, err := s.AppendTyped(nil, env{Temperature: 21.5, Note: "x"}, now)
	require.NoError(t, err)
	doc, err := s.MarshalJSON()
	require.NoError(t, err)
	want := Record{}
	require.NoError(t, NewDecoder(s).Decode(&want, row))
	for _, doc := range []string{string(doc),
		strings.Replace(string(doc), `"unit":"Cel"`, `"unit":"°C"`, 1),       // a rule that is stricter now
		strings.Replace(string(doc), `{"name"`, `{"since":"2031","name"`, 1), // a later version's member
		strings.Replace(string(doc), `"max":85`, `"max":-85`, 1)} {
		d := NewDecoder()
		require.NoError(t, d.AddStored(s.Fingerprint(), []byte(doc)))
		var got Record
		require.NoError(t, d.Decode(&got, row))
		require.Equal(t, want, got)
	}
	for _, doc := range []string{"garbage", `{}`, `{"fields":[{"name":"a","kind":"decimal"}]}`, `{"fields":[{"name":"","kind":"int"}]}`} {
		require.Error(t, NewDecoder().AddStored(1, []byte(doc)))
	}
}
