// Package record turns plans into Kafka records, with their topics, keys, headers
// and Avro values, and reads such records back. It also registers and checks the
// schemas.
//
//	encode.go    Encoder: a plan's records
//	columns.go   which field of a schema comes from where: the list to extend
//	native.go    how columns fill what goavro encodes
//	codec.go     the schemas as goavro encodes them
//	headers.go   CloudEvents headers
//	key.go       the event key
//	decode.go    Decoder: records as JSON, or as what people want to know first
//	facts.go     Decoder: what a record tells a ledger that is rebuilt
//	registry.go  the schemas in the registry, and what its errors mean
//	check.go     whether the registry would take the schemas
//
// Values are in the schema registry's wire format. goavro writes them, and
// twmb/avro reads them: it decodes straight into structs, and bounds what a
// hostile value can make it allocate.
package record
