// Package deflate encodes the deflate format (RFC 1951), made for the speed of levels 1 to 6.
//
// The encoder collects the text into blocks of 96 KiB. Each becomes one block of the stream, in the
// shortest of three forms: with its own codes, with the fixed codes, or stored. So the output
// depends on the text and the level alone, not on how the text was cut. Each block takes three
// passes:
//
//   - A match finder turns the text into symbols: one for a literal, two for a match. There are two
//     finders. One compares with one earlier position (levels 1 and 2). The other compares with two
//     earlier positions, and looks for a better match at the next byte (levels 3 to 6).
//   - The symbols are counted and the codes are built.
//   - The symbols are written. All have the same form, so the loop needs no branch on their kind.
//
// The design avoids mispredicted branches and bounds checks. A hash table stores 16 bits of a
// position. Every value means a distance of 1 to 32 KiB, so none needs a check. Indexes into the
// window and the symbols are masked, so that the compiler knows that they are in bounds.
//
// Text without repetitions still gets codes by the frequency of its bytes. Incompressible text is
// stored.
package deflate
