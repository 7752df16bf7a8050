package access

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestGrants: as few commands as there can be, each for what one can grant.
func TestGrants(t *testing.T) {
	on := func(operation, resource, name string) *RightError {
		return &RightError{Operation: operation, Resource: resource, Name: name, Prefixed: resource == "transactional-id"}
	}
	missing := []*RightError{
		on("Read", "topic", "a"), on("Write", "topic", "a"), on("Write", "topic", "b"),
		on("Read", "group", "a-exporters"), on("Write", "transactional-id", "a-"), on("Write", "transactional-id", "b-"),
		on("Read", "topic", "c"), on("Write", "topic", "c"), on("Write", "topic", "d"),
	}
	var errs []error
	for _, m := range missing {
		errs = append(errs, fmt.Errorf("look: %w", m))
	}
	found := Missing(fmt.Errorf("all: %w", errors.Join(errs...)))
	if !slices.Equal(found, missing) {
		t.Errorf("an error holds %v, want %v", found, missing)
	}
	const begin = "kafka-acls.sh --bootstrap-server k:1,k:2 --add --allow-principal "
	got := Config{Brokers: []string{"k:1", "k:2"}, SASL: SASL{Username: "o'hara"}}.Grants(found...)
	want := []string{
		begin + `'User:o'\''hara' --operation Read --operation Write --topic a --topic c`,
		begin + `'User:o'\''hara' --operation Write --topic b --topic d`,
		begin + `'User:o'\''hara' --operation Read --group a-exporters`,
		begin + `'User:o'\''hara' --operation Write --transactional-id a- --resource-pattern-type prefixed`,
		begin + `'User:o'\''hara' --operation Write --transactional-id b- --resource-pattern-type prefixed`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if Missing(nil) != nil || Missing(errors.New("x")) != nil {
		t.Error("an error of another kind holds rights")
	}
}
