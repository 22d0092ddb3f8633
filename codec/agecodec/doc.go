// Package agecodec encrypts and decrypts byte streams in the age format (https://c2sp.org/age), which the age command and others
// read and write too.
//
// Keys and their handling are those of filippo.io/age: X25519 and hybrid post-quantum keys, SSH keys, passphrases, and any other of
// its recipients and identities. The payload is sealed and opened here, in chunks of 64 KiB; [Decrypt] needs no memory for it but
// that in which it arrives.
//
// Everything that [Decrypt] emits has been authenticated, chunk by chunk. The last chunk is emitted only when it is proved to be the
// end and nothing follows it, so whoever has every byte has a whole file; that is, for a downstream that reads on until the run has
// returned nil. One that stops early has what it has taken, and knows nothing of the rest; [DecryptWhole] looks at the rest too.
//
// [Rewrap] changes the keys of a file and verifies its payload, [Inspect] returns what can be read
// without a key, and [Armor] makes the file text. All readers in this package detect armor.
//
// The identities and pipelines of this package never print a key, with fmt, log/slog or JSON. [Hide]
// does the same for identities of filippo.io/age.
//
// No error of this package has key material in its text. Keys that pass through its own memory are overwritten after use; copies
// that filippo.io/age, the cryptography below it, or Go's garbage collector made are out of its reach.
package agecodec
