// Package agecodec encrypts and decrypts byte streams in the age format (https://c2sp.org/age),
// which the age command and other programs read and write.
//
// The keys are those of filippo.io/age: X25519 keys, hybrid post-quantum keys, SSH keys,
// passphrases, and its other recipients and identities. This package encrypts and decrypts the
// payload itself, in chunks of 64 KiB. [Decrypt] works in the memory of its input.
//
// [Decrypt] emits only authenticated chunks. It emits the last chunk only when that chunk is proved
// to be the end of the file and nothing follows it. So a downstream that reads until the run
// returns nil has the whole file. A downstream that stops early has authentic data, but the rest is
// unverified. [DecryptWhole] verifies the rest too.
//
// [Rewrap] changes the keys of a file and verifies its payload, [Inspect] returns what can be read
// without a key, and [Armor] writes the file as text. All readers in this package detect armor.
//
// The identities and pipelines of this package never print a key with fmt, log/slog or JSON. [Hide]
// does the same for identities of filippo.io/age.
//
// No error of this package contains key material. Keys in memory of this package are overwritten
// after use. Copies that filippo.io/age, the cryptography packages or Go's garbage collector have
// made are out of its reach.
package agecodec
