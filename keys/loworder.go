package keys

import "filippo.io/edwards25519/field"

// lowOrder reports whether u is a point of Curve25519, or of its twist, whose
// order divides 8: with one of those every X25519 exchange gives zero, which
// RFC 7748, 6.1 has both sides refuse. Three doublings (section 5, of X and Z
// alone) lead to the point at infinity just then.
func lowOrder(u []byte) bool {
	x, err := new(field.Element).SetBytes(u)
	if err != nil {
		return true
	}
	z := new(field.Element).One()
	for range 3 {
		aa := new(field.Element).Add(x, z)
		aa.Square(aa)
		bb := new(field.Element).Subtract(x, z)
		bb.Square(bb)
		e := new(field.Element).Subtract(aa, bb)
		x.Multiply(aa, bb)
		z.Mult32(e, 121665)
		z.Add(z, aa)
		z.Multiply(z, e)
	}
	return z.Equal(new(field.Element).Zero()) == 1
}
