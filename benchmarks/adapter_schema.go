// The Go adapter with what a node checks of a message: its schema, and Beckn's own digest.
package main

import (
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/crypto/blake2b"
)

func init() {
	digest, named = blake2b.Sum512, "BLAKE-512"
	schema := compiled(os.Args[5])
	check = func(document map[string]any) error { return schema.Validate(document) }
}

func compiled(path string) *jsonschema.Schema {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("memory:///action.json", document); err != nil {
		panic(err)
	}
	return compiler.MustCompile("memory:///action.json")
}
