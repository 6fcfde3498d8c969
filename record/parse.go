package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxJSONBytes is the most that ParseJSON reads: the longest record JSON that a
// valid record can have is shorter.
const MaxJSONBytes = 1 << 20

// ErrJSON is wrapped by every error of [ParseJSON].
var ErrJSON = errors.New("record: not record JSON")

// ParseJSON reads one record from one line of record JSON. It is strict, so
// that nothing is dropped unseen: unknown members, members given twice, null,
// nested values and integers beyond 64 bits are errors that name them. A number
// without point or exponent is an Int, any other a Float. What it returns
// shares no memory with data.
func ParseJSON(data []byte) (Record, error) {
	var r Record
	if len(data) > MaxJSONBytes {
		return r, fmt.Errorf("%w: %d bytes, the limit is %d", ErrJSON, len(data), MaxJSONBytes)
	}
	if !utf8.Valid(data) {
		return r, fmt.Errorf("%w: not valid UTF-8", ErrJSON)
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	p.object("record", func(key string, tok json.Token) { p.member(&r, key, tok) })
	if p.err == nil {
		if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
			p.fail("something follows the closing brace")
		}
	}
	if p.err == nil && r.ID.Device == "" {
		p.fail("device_id is missing")
	}
	if p.err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrJSON, p.err)
	}
	return r, nil
}

type parser struct {
	dec *json.Decoder
	err error // the first
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) token() json.Token {
	tok, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends too early")
		}
		p.fail("%w", err)
	}
	return tok
}

// object reads an object and calls member for each of its members, with the
// first token of the value. Keys that come twice are an error.
func (p *parser) object(what string, member func(key string, tok json.Token)) {
	if tok := p.token(); tok != json.Delim('{') {
		p.bad(what, tok, "it is an object, of one line")
		return
	}
	p.members(what, member)
}

func (p *parser) members(what string, member func(key string, tok json.Token)) {
	seen := map[string]bool{}
	for p.err == nil && p.dec.More() {
		key, _ := p.token().(string)
		if seen[key] {
			p.fail("%s: %s is given twice", what, strconv.Quote(shorten(key)))
			return
		}
		seen[key] = true
		tok := p.token()
		if p.err == nil {
			member(key, tok)
		}
	}
	if p.err == nil {
		p.token() // the closing brace
	}
}

func (p *parser) member(r *Record, key string, tok json.Token) {
	switch key {
	case "device_id":
		r.ID.Device = p.str(key, tok, "a device id is text; write it in quotes")
		if err := CheckDevice(r.ID.Device); err != nil {
			p.fail("%w", err)
		}
	case "boot":
		s, ok := tok.(string)
		boot, err := ParseBoot(s)
		if !ok {
			err = badBoot(printed(tok))
		}
		if err != nil {
			p.fail("%w", err)
		}
		r.ID.Boot = boot
	case "seq":
		n, _ := tok.(json.Number)
		seq, err := strconv.ParseUint(string(n), 10, 64)
		if err != nil {
			p.bad(key, tok, "a sequence number is a whole number from 0 to 18446744073709551615, without quotes")
		}
		r.ID.Seq = seq
	case "ts":
		s, _ := tok.(string)
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			p.bad(key, tok, `a time is text as of RFC 3339, such as "2026-11-22T21:40:01.123Z"`)
		}
		r.Time = t.UTC().Truncate(time.Millisecond)
	case "schema":
		r.Schema = p.str(key, tok, `a schema's reference is text, such as "env/1"`)
		if problem := refProblem(r.Schema); problem != "" {
			p.bad(key, tok, problem)
		}
	case "meta":
		p.inner(key, tok, MaxMeta, func(name string, tok json.Token) {
			r.Meta = append(r.Meta, Meta{name, p.str("meta."+name, tok, "metadata is text; write it in quotes")})
		})
	case "readings":
		p.inner(key, tok, MaxReadings, func(name string, tok json.Token) {
			r.Readings = append(r.Readings, Reading{name, p.value(name, tok)})
		})
	default:
		p.fail("unknown member %s", strconv.Quote(shorten(key)))
	}
}

func (p *parser) inner(what string, tok json.Token, most int, member func(string, json.Token)) {
	if tok != json.Delim('{') {
		p.bad(what, tok, "it is an object of names and values")
		return
	}
	n := 0
	p.members(what, func(name string, tok json.Token) {
		if n++; n > most {
			p.fail("%s has more than %d members", what, most)
			return
		}
		if problem := nameProblem("a name", name); problem != "" {
			p.fail("%s: %s: %s", what, strconv.Quote(shorten(name)), problem)
			return
		}
		member(name, tok)
	})
}

// bad says what is wrong with a member's value, which begins with tok.
func (p *parser) bad(member string, tok json.Token, problem string) {
	p.fail("%w", &FieldError{printable(shorten(member)), printed(tok), problem})
}

// printed returns a JSON value, or the beginning of one, as an error shows it.
func printed(tok json.Token) string {
	switch t := tok.(type) {
	case string:
		return strconv.Quote(shorten(t))
	case nil:
		return "null"
	case json.Delim:
		return string(t) + "…" + string(t+2) // } and ] are two behind { and [
	default:
		return shorten(fmt.Sprint(t))
	}
}

func (p *parser) str(what string, tok json.Token, problem string) string {
	s, ok := tok.(string)
	if !ok {
		p.bad(what, tok, problem)
	}
	return s
}

func (p *parser) value(name string, tok json.Token) Value {
	switch t := tok.(type) {
	case bool:
		return BoolValue(t)
	case string:
		return StringValue(t)
	case json.Number:
		s := string(t)
		if !strings.ContainsAny(s, ".eE") {
			i, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				p.bad(name, tok, "it does not fit a 64-bit integer; write it with a point to have a float")
			}
			return IntValue(i)
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			p.bad(name, tok, "it does not fit a 64-bit float")
		}
		return FloatValue(f)
	case nil:
		p.bad(name, tok, "leave a reading without a value out instead")
	default:
		p.bad(name, tok, "a reading is a number, true, false or a string")
	}
	return Value{}
}
