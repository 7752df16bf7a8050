// Package jsonrows walks a JSON body of any size, an array of rows in it above
// all, without holding more of it than the value at hand.
//
// A [Scanner] is pulled: the caller enters objects and arrays, asks for the next
// key, value or row, and decides by their names what to do with them. A row is
// framed, not decoded: the scanner finds its end and, on the way, the raw values
// of the members that a [Probe] names, so that a caller who knows the row by them
// pays for nothing else. [Valid], [Members] and [Elements] serve those who want
// to read more of it.
//
// # What is checked
//
// The objects and arrays that the scanner enters are checked to be JSON, as are
// keys and values. Rows, and values that are stepped over for their size, are only
// framed: their brackets and quotes are matched, nothing else.
//
// # What is held
//
// A window of 64 KiB, which grows to 4 MiB ([MaxRow]) as a row needs it. To find
// the end of a larger row it grows to 32 MiB. Scanners that share a semaphore
// take turns at that, so that only one of them is so large at a time. A row of
// more than 32 MiB breaks the body.
package jsonrows
