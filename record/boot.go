package record

import "strconv"

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

func badBoot(value string) error {
	return &FieldError{"boot", value, `a boot is text of 16 lower-case hexadecimal digits, such as "9f3c1e7a55d20b86"`}
}

// ParseBoot reads the text of a boot. The error is a [FieldError].
func ParseBoot(s string) (uint64, error) {
	boot, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != BootDigits || FormatBoot(boot) != s {
		return 0, badBoot(strconv.Quote(shorten(s)))
	}
	return boot, nil
}
