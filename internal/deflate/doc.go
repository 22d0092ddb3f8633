// Package deflate encodes the deflate format (RFC 1951), made for the speed of levels 1 to 6.
//
// The text is gathered into blocks of 96 KiB, of which each becomes one block of the stream, with
// codes of its own, the fixed ones, or stored, whichever is shortest. So the output depends on the
// text and the level alone, not on how the text was cut. A block is worked on in three passes:
//
//   - A match finder goes over the text and turns it into symbols, one literal or half of a match
//     each. There are two: one looks at one earlier place (levels 1 and 2), the other at two, and
//     at the next byte before it takes a match (levels 3 to 6).
//   - The symbols are counted, and the codes made.
//   - The symbols are written. All are of one form, so that no branch depends on what they are.
//
// What costs most elsewhere are branches that the processor cannot foresee, and checks: a place in
// a hash table is 16 bits, of which every value means a distance between 1 and 32 KiB, so that none
// has to be checked; places in the window and among the symbols are masked, so that the compiler
// knows them to be in bounds.
//
// Text in which nothing is repeated still gets codes by how often each byte occurs. What does not
// compress is stored.
package deflate
