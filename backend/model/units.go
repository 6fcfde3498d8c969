package model

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/rivulet-iot/rivulet/record"
)

// dimension is a set of units that convert into each other. Each is written
// "name=scale" or "name=scale+offset": so many of the first are one of it, and its
// zero is at offset of the first. A scale is a decimal or a fraction, exactly.
//
// Names and factors are those of the IANA registries "SenML Units" and "Secondary
// Units" (https://www.iana.org/assignments/senml/, RFC 8428 and RFC 8798), and of
// UCUM (https://ucum.org/ucum) for those that are not there.
type dimension struct{ name, units string }

var dimensions = []dimension{
	{"temperature", "K=1 Cel=1+273.15 [degF]=5/9+45967/180"},
	{"pressure", "Pa=1 hPa=100 kPa=1000 MPa=1000000 mbar=100 bar=100000 [psi]=44482216152605/6451600000 mm[Hg]=133.322 atm=101325"},
	{"ratio", "/=1 %=1/100 %RH=1/100 /100=1/100 /1000=1/1000 ppm=1/1000000 [ppm]=1/1000000 [ppb]=1/1000000000"},
	{"length", "m=1 km=1000 cm=1/100 mm=1/1000 um=1/1000000 [in_i]=0.0254 [ft_i]=0.3048 [mi_i]=1609.344"},
	{"mass", "kg=1 g=1/1000 mg=1/1000000 t=1000 [lb_av]=0.45359237 [oz_av]=0.028349523125"},
	{"speed", "m/s=1 km/h=5/18 m/h=1/3600 mm/h=1/3600000 [mi_i]/h=0.44704 [kn_i]=1852/3600"},
	{"acceleration", "m/s2=1 [g]=9.80665"},
	{"area", "m2=1 cm2=1/10000 km2=1000000"},
	{"volume", "m3=1 l=1/1000 L=1/1000 ml=1/1000000 mL=1/1000000"},
	{"flow", "m3/s=1 l/s=1/1000 L/s=1/1000 m3/h=1/3600 l/min=1/60000 L/min=1/60000 l/h=1/3600000 L/h=1/3600000"},
	{"concentration", "kg/m3=1 g/m3=1/1000 mg/m3=1/1000000 ug/m3=1/1000000000"},
	{"voltage", "V=1 mV=1/1000 uV=1/1000000 kV=1000"},
	{"current", "A=1 mA=1/1000 uA=1/1000000"},
	{"resistance", "Ohm=1 mOhm=1/1000 kOhm=1000 MOhm=1000000"},
	{"power", "W=1 mW=1/1000 kW=1000 MW=1000000"},
	{"apparent power", "VA=1 kVA=1000"},
	{"reactive power", "var=1 kvar=1000"},
	{"energy", "J=1 kJ=1000 MJ=1000000 Ws=1 Wh=3600 W.h=3600 kWh=3600000 kW.h=3600000"},
	{"charge", "C=1 Ah=3600 A.h=3600 mAh=3.6 mA.h=3.6"},
	{"time", "s=1 ms=1/1000 us=1/1000000 min=60 h=3600 d=86400"},
	{"frequency", "Hz=1 kHz=1000 MHz=1000000 GHz=1000000000 1/s=1 1/min=1/60 beat/min=1/60"},
	{"angle", "deg=1 '=1/60 ''=1/3600"},
	{"signal strength", "dBW=1 dBm=1-30"},
	{"data", "By=1 B=1 kBy=1000 kB=1000 MBy=1000000 MB=1000000 GBy=1000000000 GB=1000000000 " +
		"KiBy=1024 KiB=1024 MiBy=1048576 MiB=1048576 GiBy=1073741824 GiB=1073741824 bit=1/8"},
	{"data rate", "bit/s=1 kbit/s=1000 Mbit/s=1000000 B/s=8 By/s=8 kB/s=8000 MB/s=8000000"},
}

type unit struct {
	name          string
	scale, offset *big.Rat
}

// parse returns the dimension's units.
func (d dimension) parse() (units []unit, err error) {
	for text := range strings.FieldsSeq(d.units) {
		at := strings.LastIndex(text, "=")
		u := unit{name: text[:at], offset: new(big.Rat)}
		scale, offset := text[at+1:], ""
		if sign := strings.IndexAny(scale, "+-"); sign > 0 {
			scale, offset = scale[:sign], scale[sign:]
		}
		var ok bool
		if u.scale, ok = new(big.Rat).SetString(scale); !ok {
			return nil, fmt.Errorf("unit %s: scale %q", u.name, scale)
		}
		if offset != "" {
			if _, ok = u.offset.SetString(offset); !ok {
				return nil, fmt.Errorf("unit %s: offset %q", u.name, offset)
			}
		}
		units = append(units, u)
	}
	return units, nil
}

// unitsLike returns the units that convert to and from one of that name; nil if it
// is not known.
func unitsLike(name string) []unit {
	for _, d := range dimensions {
		units, err := d.parse()
		if err == nil && slices.ContainsFunc(units, func(u unit) bool { return u.name == name }) {
			return units
		}
	}
	return nil
}

// convert makes the column one in another unit. It returns what is wrong, or "".
func convert(c *Column, kind record.Kind, to string) string {
	if kind != record.Float && kind != record.Int {
		return "the field is a " + kind.String() + ", which has no unit"
	}
	if c.Unit == "" {
		return "the schema gives the field no unit to convert from"
	}
	units := unitsLike(c.Unit)
	if units == nil {
		return fmt.Sprintf("the schema has it in %s, of which no conversions are known", c.Unit)
	}
	var from, into *unit
	var names []string
	for i, u := range units {
		if u.name == c.Unit {
			from = &units[i]
		} else {
			names = append(names, u.name)
		}
		if u.name == to {
			into = &units[i]
		}
	}
	if into == nil {
		return fmt.Sprintf("the schema has it in %s, which can become %s", c.Unit, strings.Join(names, ", "))
	}
	// x*from.scale + from.offset = y*into.scale + into.offset
	scale := new(big.Rat).Quo(from.scale, into.scale)
	offset := new(big.Rat).Sub(from.offset, into.offset)
	offset.Quo(offset, into.scale)
	if scale.Cmp(big.NewRat(1, 1)) != 0 || offset.Sign() != 0 {
		conversion := Conversion{From: c.Unit}
		conversion.Scale, _ = scale.Float64()
		conversion.Offset, _ = offset.Float64()
		c.Convert, c.Type = &conversion, "double"
	}
	c.Unit = to
	return ""
}
