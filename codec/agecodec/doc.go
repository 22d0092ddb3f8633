// Package agecodec encrypts and decrypts byte streams in the age format (https://c2sp.org/age), which the age command and others
// read and write too.
//
// Keys and their handling are those of filippo.io/age: any of its recipients and identities fits. The payload is sealed and opened
// here, in chunks of 64 KiB, in the memory in which it arrives where that is possible.
//
// Everything that [Decrypt] emits has been authenticated chunk by chunk; that nothing is missing at the end is known when the run
// has returned nil. No error of this package has key material in its text.
package agecodec
