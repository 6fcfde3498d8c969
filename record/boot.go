package record

import (
	"fmt"
	"strconv"
)

// BootDigits is how many characters a boot has as text: it is 64 bits, in
// hexadecimal, lower case, with leading zeros.
const BootDigits = 16

// FormatBoot returns a boot as text, as it stands in record JSON and in tables:
// numbers in JSON are exact only up to 2^53.
func FormatBoot(boot uint64) string { return string(AppendBoot(nil, boot)) }

// AppendBoot appends the text of a boot to dst.
func AppendBoot(dst []byte, boot uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[boot>>shift&15])
	}
	return dst
}

// ParseBoot reads the text of a boot.
func ParseBoot(s string) (uint64, error) {
	boot, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != BootDigits || FormatBoot(boot) != s {
		return 0, fmt.Errorf("record: boot %q: not %d lower-case hexadecimal digits", shorten(s), BootDigits)
	}
	return boot, nil
}
