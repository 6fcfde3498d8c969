package kinesistest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// decodeJSON decodes a request body. Its cost is bounded by maxValues and
// maxDepth whatever the body says.
func decodeJSON(body []byte) (map[string]any, error) {
	if err := scanJSON(body); err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the body is %s, not a structure", typeName(v))
	}
	return m, nil
}

// scanJSON counts what would become a value, without decoding it. In JSON every
// value but the first follows one of three characters.
func scanJSON(body []byte) error {
	values, depth, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		if quoted {
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
			continue
		}
		switch c {
		case '"':
			quoted = true
		case '[', '{':
			depth++
			values++
		case ']', '}':
			depth--
		case ',':
			values++
		}
		if values > maxValues {
			return fmt.Errorf("the body holds more than %d values", maxValues)
		}
		if depth > maxDepth {
			return fmt.Errorf("the body nests deeper than %d", maxDepth)
		}
	}
	if quoted {
		return errors.New("the body ends inside a string")
	}
	return nil
}

// appendJSON appends the JSON of a reply value.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		dst = append(dst, '{')
		first := true
		for _, m := range v {
			if m.value == nil {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(dst, '"')
			dst = append(dst, m.name...)
			dst = append(dst, '"', ':')
			dst = appendJSON(dst, m.value)
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, e)
		}
		return append(dst, ']')
	case string:
		quoted, _ := json.Marshal(v) // a string always marshals
		return append(dst, quoted...)
	case []byte:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"')
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case bool:
		return strconv.AppendBool(dst, v)
	case time.Time:
		return strconv.AppendFloat(dst, float64(v.UnixMilli())/1e3, 'f', 3, 64)
	}
	return append(dst, "null"...)
}
